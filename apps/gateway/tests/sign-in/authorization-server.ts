import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Provider, type Configuration } from "oidc-provider";

export type AuthorizationServer = {
  readonly issuer: string;
  readonly provider: Provider;
  /** Requests to the token endpoint so far, by grant type. */
  readonly grants: Record<string, number>;
  /** What its clock is ahead of ours, in milliseconds, in what it says. */
  skewMs: number;
  /** While true the token endpoint answers 503. */
  isDown: boolean;
  /** Resolves when a token request has come and keeps it waiting until the promise it is given ends. */
  hold: Promise<void> | undefined;
  isValid(token: string): Promise<boolean>;
  close(): Promise<void>;
};

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

/** A certified OpenID Connect provider on loopback, with its own pages for signing in. */
export async function startAuthorizationServer(options: {
  readonly redirectUris: readonly string[];
  /** Seconds. */
  readonly accessTokenTtl?: number;
  readonly features?: Pick<NonNullable<Configuration["features"]>, "deviceFlow">;
}): Promise<AuthorizationServer> {
  const deviceFlow = options.features?.deviceFlow ?? { enabled: true };
  const hasDevice = deviceFlow.enabled === true;
  const grants: Record<string, number> = {};
  const server = createServer((message, response) => void serve(message, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "trunkline-test",
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token", ...(hasDevice ? [deviceGrant] : [])],
        redirect_uris: [...options.redirectUris],
        response_types: ["code"],
      },
      {
        // Where there is no device flow, a client cannot have it either.
        client_id: "trunkline-code",
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [...options.redirectUris],
        response_types: ["code"],
      },
    ],
    features: {
      deviceFlow,
      revocation: { enabled: true },
      devInteractions: { enabled: true },
    },
    cookies: { keys: ["only for tests"] },
    issueRefreshToken: async () => true,
    rotateRefreshToken: () => true,
    ttl: {
      AccessToken: options.accessTokenTtl ?? 3600,
      IdToken: 3600,
      RefreshToken: 86_400,
      Grant: 86_400,
      Session: 86_400,
      Interaction: 3600,
      DeviceCode: 600,
    },
  } as Configuration);
  // It warns of its own development keys on standard output.
  const handle = provider.callback();

  const state: AuthorizationServer = {
    issuer,
    provider,
    grants,
    skewMs: 0,
    isDown: false,
    hold: undefined,
    isValid: async (token) => (await provider.AccessToken.find(token)) !== undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    if (state.skewMs !== 0) {
      response.sendDate = false;
      response.setHeader("date", new Date(Date.now() + state.skewMs).toUTCString());
    }
    if (message.url === "/token") {
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const grant = new URLSearchParams(body.toString()).get("grant_type") ?? "";
      grants[grant] = (grants[grant] ?? 0) + 1;
      await state.hold;
      if (state.isDown) return void response.writeHead(503).end("down");
      // The body was read already: the library takes it from there.
      (message as { body?: unknown }).body = Object.fromEntries(new URLSearchParams(body.toString()));
    }
    void handle(message, response);
  }
  return state;
}
