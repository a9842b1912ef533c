import type { CredentialStore } from "../credentials/credential-store.ts";
import { createKeptToken } from "../credentials/kept-token.ts";
import { createSignedProvider, type SignedProviderOptions } from "../credentials/signed-provider.ts";
import { givenTokens } from "../credentials/sign-in.ts";
import type { Provider } from "../provider.ts";
import { createOAuthClient, type OAuthSettings } from "./oauth-client.ts";

export type OAuthProviderOptions = Omit<SignedProviderOptions, "kind" | "tokens"> & {
  readonly oauth: OAuthSettings;
  readonly store: CredentialStore;
  /** Milliseconds before its end at which a token is renewed. */
  readonly earlyMs: number;
  readonly now: () => number;
};

/** A vendor's HTTP API that is reached with the tokens of a sign-in. */
export async function createOAuthProvider(options: OAuthProviderOptions): Promise<Provider> {
  const { oauth: settings, store, earlyMs, now, ...http } = options;
  const oauth = createOAuthClient(settings, now);
  const tokens = createKeptToken({ provider: options.name, store, renew: oauth.refresh, earlyMs, now });
  const provider = await createSignedProvider({ ...http, kind: "oauth-session", tokens });
  return { ...provider, signIn: { oauth, accept: (given) => givenTokens(given, now()), changed: tokens.lookAgain } };
}
