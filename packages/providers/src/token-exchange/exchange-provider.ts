import { GatewayError } from "@trunkline/contracts";
import type { CredentialStore } from "../credentials/credential-store.ts";
import { createKeptToken } from "../credentials/kept-token.ts";
import { givenCredential } from "../credentials/sign-in.ts";
import { createSignedProvider, type SignedProviderOptions } from "../credentials/signed-provider.ts";
import type { Provider } from "../provider.ts";
import { exchangeToken, unexchanged, type ExchangeSettings } from "./exchange.ts";

export type ExchangeProviderOptions = Omit<SignedProviderOptions, "kind" | "tokens" | "headerFor"> & {
  readonly exchange: ExchangeSettings;
  /** The long-lived credential; absent where it is handed in. */
  readonly credential?: string;
  /** The header that carries the token; `{token}` stands for it. */
  readonly header?: { readonly name: string; readonly value: string };
  readonly store: CredentialStore;
  /** Milliseconds before its end at which a token is renewed. */
  readonly earlyMs: number;
  readonly now: () => number;
};

/** A vendor's HTTP API that takes short-lived tokens, which a long-lived credential is exchanged for. */
export async function createExchangeProvider(options: ExchangeProviderOptions): Promise<Provider> {
  const { exchange, credential, header, store, earlyMs, now, ...http } = options;
  const tokens = createKeptToken({
    provider: options.name,
    store,
    renew: (kept) => exchangeToken(exchange, kept, now),
    ...(credential === undefined ? {} : { initial: unexchanged(credential, true, now()) }),
    earlyMs,
    now,
  });
  const provider = await createSignedProvider({
    ...http,
    kind: "token-exchange",
    tokens,
    ...(header
      ? { headerFor: (token) => ({ [header.name.toLowerCase()]: header.value.replaceAll("{token}", token) }) }
      : {}),
  });
  return {
    ...provider,
    signIn: {
      changed: tokens.lookAgain,
      accept(given) {
        if (credential !== undefined)
          throw new GatewayError(
            "conflict",
            `The credential of '${options.name}' is set in the configuration; change it there.`,
          );
        return unexchanged(givenCredential(given), false, now());
      },
    },
  };
}
