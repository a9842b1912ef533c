/** What is kept of a provider's sign-in, or of a credential that is exchanged for tokens. Times are milliseconds since the epoch. */
export type KeptCredential = {
  /** Sent with requests; null until there is one. */
  readonly accessToken: string | null;
  /** By this machine's clock; null when it was not told. */
  readonly expiresAt: number | null;
  readonly obtainedAt: number;
  /** What the next one is obtained with: a refresh token, or the long-lived credential. */
  readonly renewal: string | null;
  readonly scope: string | null;
  /** Whose it is, where the authorization server told. */
  readonly subject: string | null;
  /** A fingerprint of the credential in the configuration it came from; null where it did not. */
  readonly origin: string | null;
};

/** `revoked`: the authorization server takes it no more. `expired`: it has run out and cannot be renewed. */
export type CredentialState = "ready" | "expired" | "revoked";

/** A credential with what is known of it. */
export type CredentialRecord = {
  readonly credential: KeptCredential;
  readonly state: CredentialState;
  /** Why it is not ready; null when it is. */
  readonly problem: string | null;
  /** What the other side's clock is ahead of this machine's, in milliseconds, when last seen. */
  readonly skewMs: number;
  /** Grows with every change. */
  readonly version: number;
  readonly updatedAt: number;
};

/** What is written of a credential when it was obtained, renewed or refused. */
export type CredentialChange = Pick<CredentialRecord, "credential" | "state" | "problem" | "skewMs">;

/** A sign-in that has been begun and waits for the person. */
export type Login = {
  readonly id: string;
  readonly provider: string;
  readonly flow: "code" | "device";
  readonly status: "pending" | "done" | "failed";
  /** Why it failed; null when it did not. */
  readonly problem: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** What only this sign-in knows. */
  readonly secrets: Readonly<Record<string, string>>;
};
