import { createHttpProvider, type HttpProviderOptions } from "../http-api/http-provider.ts";
import { connectTo } from "../http-api/transport.ts";
import type { Provider } from "../provider.ts";
import { signedClient } from "./signed-client.ts";
import type { TokenSource } from "./token-source.ts";

export type SignedProviderOptions = Omit<HttpProviderOptions, "apiKey" | "connect" | "conceal"> & {
  readonly kind: "oauth-session" | "token-exchange";
  readonly tokens: TokenSource;
  /** Headers that carry a token; `Authorization: Bearer` when absent. */
  readonly headerFor?: (token: string) => Readonly<Record<string, string>>;
};

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A vendor's HTTP API whose credential changes while the gateway runs. */
export async function createSignedProvider(options: SignedProviderOptions): Promise<Provider> {
  const { kind, tokens, headerFor = bearer, ...http } = options;
  const provider = await createHttpProvider({
    ...http,
    conceal: tokens.conceal,
    connect: async (origin, timeouts) =>
      signedClient(await connectTo(origin, timeouts, options.environment), tokens, headerFor),
  });
  return { ...provider, kind, accounts: async () => [await tokens.report()] };
}
