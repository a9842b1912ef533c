import { setTimeout as wait } from "node:timers/promises";
import {
  GatewayError,
  toGatewayError,
  type AccountReport,
  type CredentialRecord,
  type KeptCredential,
} from "@trunkline/contracts";
import type { CredentialStore } from "./credential-store.ts";
import type { TokenSource } from "./token-source.ts";

/** The other side takes the credential no more: only the operator can help. */
export class CredentialRefused extends Error {}

/** What a renewal has brought. */
export type Renewed = { readonly credential: KeptCredential; readonly skewMs: number };

export type KeptTokenOptions = {
  readonly provider: string;
  readonly store: CredentialStore;
  /** Obtains the next token. Throws CredentialRefused, or anything else for a failure that may pass. */
  readonly renew: (credential: KeptCredential) => Promise<Renewed>;
  /** What there is before anything was kept: a credential from the configuration. */
  readonly initial?: KeptCredential;
  /** Milliseconds before its end at which a token is renewed; at most a quarter of its life. */
  readonly earlyMs: number;
  readonly now: () => number;
};

/** Milliseconds. A token this close to its end is not sent any more; at most a tenth of its life. */
const lastMomentMs = 20_000;
/** Another process may have changed what is kept. */
const lookAgainMs = 1000;
/** A process that renews and dies holds the others up so long. */
const renewalLockMs = 60_000;
const waitForOtherMs = 100;
/** After a failure that may pass, longer after each. */
const firstPauseMs = 2000;
const longestPauseMs = 60_000;
/** A difference of clocks below this is no business of anybody's. */
const noticeableSkewMs = 60_000;

/** A token that is kept in the store and renewed, before it ends, once for all requests of all processes. */
export function createKeptToken(options: KeptTokenOptions): TokenSource {
  const { provider, store, now } = options;
  let known: CredentialRecord | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let flight: Promise<CredentialRecord> | undefined;
  let failure: { readonly error: GatewayError; readonly until: number; readonly pauseMs: number } | undefined;
  const seen = new Set<string>();

  function remember(record: CredentialRecord | undefined): void {
    known = record;
    lookedAt = performance.now();
    if (record?.credential.accessToken) seen.add(record.credential.accessToken);
    if (record?.credential.renewal) seen.add(record.credential.renewal);
    // Those of long ago are worth nothing to anybody.
    for (const old of seen) if (seen.size > 8) seen.delete(old);
  }

  async function look(): Promise<CredentialRecord | undefined> {
    let record = await store.load(provider);
    // The operator has set it, or set another, since it was last kept.
    if (options.initial && record?.credential.origin !== options.initial.origin) {
      await store.put(provider, { credential: options.initial, state: "ready", problem: null, skewMs: 0 });
      record = await store.load(provider);
    }
    remember(record);
    return record;
  }

  /** Milliseconds it can still be sent for; a clock set back since makes it worthless, for its end is not known any more. */
  function remaining({ accessToken, expiresAt, obtainedAt }: KeptCredential, spareMs: number, share: number): number {
    if (accessToken === null) return 0;
    if (expiresAt === null) return Number.POSITIVE_INFINITY;
    if (now() < obtainedAt - noticeableSkewMs) return 0;
    return expiresAt - Math.min(spareMs, (expiresAt - obtainedAt) * share) - now();
  }
  const isUsable = (credential: KeptCredential) => remaining(credential, lastMomentMs, 0.1) > 0;
  const isDue = (credential: KeptCredential) => remaining(credential, options.earlyMs, 0.25) <= 0;

  function signedOut(record: CredentialRecord | undefined): GatewayError {
    const why = record === undefined ? "nobody has signed in" : (record.problem ?? "the sign-in has run out");
    return new GatewayError(
      "account_signed_out",
      `The provider '${provider}' cannot be asked: ${why}. The operator must sign in: \`trunkline login ${provider}\`.`,
    );
  }

  /** The one renewal of this process; of all processes, one goes through with it and the others wait for what it brings. */
  async function renewUnlike(refused: string | undefined): Promise<CredentialRecord> {
    const isWanted = ({ credential }: CredentialRecord) =>
      isUsable(credential) && !isDue(credential) && credential.accessToken !== refused;
    for (;;) {
      const record = await look();
      if (!record || record.state !== "ready") throw signedOut(record);
      if (isWanted(record)) return record;
      if (record.credential.renewal === null)
        return await refuse(record, "the token has run out and cannot be renewed");
      if (await store.lock(provider, record.version, now() + renewalLockMs)) return await exchange(record);
      await wait(waitForOtherMs);
    }
  }

  async function refuse(record: CredentialRecord, problem: string): Promise<never> {
    const { version, credential, skewMs } = record;
    const state = credential.renewal === null ? "expired" : "revoked";
    await store.renew(provider, version, { credential, state, problem, skewMs });
    remember(await store.load(provider));
    throw signedOut({ ...record, problem });
  }

  async function exchange(record: CredentialRecord): Promise<CredentialRecord> {
    try {
      const { credential, skewMs } = await options.renew(record.credential);
      await store.renew(provider, record.version, { credential, state: "ready", problem: null, skewMs });
    } catch (error) {
      if (error instanceof CredentialRefused) return await refuse(record, error.message);
      await store.unlock(provider, record.version);
      throw error;
    }
    const renewed = await look();
    if (!renewed) throw signedOut(renewed);
    return renewed;
  }

  function renewed(refused: string | undefined): Promise<CredentialRecord> {
    if (failure && now() < failure.until) return Promise.reject(failure.error);
    flight ??= renewUnlike(refused)
      .then((record) => {
        failure = undefined;
        return record;
      })
      .catch((thrown: unknown) => {
        const error = toGatewayError(thrown);
        const pauseMs = Math.min(longestPauseMs, failure ? failure.pauseMs * 2 : firstPauseMs);
        if (error.code !== "account_signed_out") failure = { error, until: now() + pauseMs, pauseMs };
        throw error;
      })
      .finally(() => (flight = undefined));
    return flight;
  }

  function current(): string | undefined {
    if (!known || known.state !== "ready" || !isUsable(known.credential)) return undefined;
    if (performance.now() - lookedAt > lookAgainMs) {
      lookedAt = performance.now();
      look().catch(() => {});
    }
    // Long before its end: whoever asks now need not wait.
    if (isDue(known.credential) && known.credential.renewal !== null) renewed(undefined).catch(() => {});
    return known.credential.accessToken!;
  }

  return {
    current,
    async obtain() {
      await look();
      return current() ?? (await renewed(undefined)).credential.accessToken!;
    },
    async insteadOf(refused) {
      if (known?.credential.renewal === null) return undefined;
      return (await renewed(refused)).credential.accessToken ?? undefined;
    },
    lookAgain: () => (known = undefined),
    conceal: (text) => [...seen].reduce((clean, secret) => clean.replaceAll(secret, "[redacted]"), text),
    async report(): Promise<AccountReport> {
      const record = await look();
      const windows: AccountReport["windows"] = [];
      if (!record || record.state !== "ready")
        return {
          name: "main",
          state: "signed-out",
          reason: record?.problem ?? "nobody has signed in",
          until: null,
          windows,
        };
      if (failure && now() < failure.until)
        return { name: "main", state: "resting", reason: failure.error.message, until: failure.until, windows };
      return { name: "main", state: "ready", reason: skewNote(record.skewMs), until: null, windows };
    },
  };
}

/** What is wrong with this machine's clock, when something is. */
export function skewNote(skewMs: number): string | null {
  if (Math.abs(skewMs) < noticeableSkewMs) return null;
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  return `this machine's clock is ${minutes} min ${skewMs > 0 ? "behind" : "ahead of"} the authorization server's; set it right`;
}
