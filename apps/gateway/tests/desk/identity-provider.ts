import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { Provider, type Configuration } from "oidc-provider";

export type Issuer = { readonly issuer: string; close(): Promise<void> };

async function listen(serve: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    issuer: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A certified OpenID provider that tells of one person what it is told to. */
export async function startIdentityProvider(redirectUri: string, claims: () => object): Promise<Issuer> {
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  const server = await listen((request, response) => handle(request, response));
  const provider = new Provider(server.issuer, {
    clients: [
      {
        client_id: "desk",
        client_secret: "desk-secret-for-tests",
        application_type: "native",
        token_endpoint_auth_method: "client_secret_basic",
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [new URL("/admin", redirectUri).href],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username", "realm"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...claims() }) }),
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ["only for tests"] },
    pkce: { required: () => true },
  } as Configuration);
  handle = provider.callback();
  return server;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

export type Forgery = {
  readonly header?: object;
  readonly claims?: object;
  readonly signedBy?: "issuer" | "somebody" | "nobody" | "public key as a secret";
};

/** An OpenID provider whose tokens are as bad as a test wants them. */
export async function startForger(): Promise<Issuer & { forgery: Forgery; nonce: string }> {
  const own = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const state = { forgery: {} as Forgery, nonce: "" };
  const json = (response: ServerResponse, body: object) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));

  function token(issuer: string): string {
    const { header = {}, claims = {}, signedBy = "issuer" } = state.forgery;
    const now = Math.floor(Date.now() / 1000);
    const head = encode({ alg: "RS256", kid: "one", typ: "JWT", ...header });
    const body = encode({
      iss: issuer,
      sub: "mallory",
      aud: "desk",
      exp: now + 300,
      iat: now,
      nonce: state.nonce,
      groups: ["bosses"],
      ...claims,
    });
    const text = `${head}.${body}`;
    if (signedBy === "nobody") return `${text}.`;
    if (signedBy === "public key as a secret") {
      const secret = own.publicKey.export({ type: "spki", format: "pem" });
      return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    }
    const { privateKey } = signedBy === "issuer" ? own : other;
    return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
  }

  const server = await listen((request, response) => {
    const { issuer } = server;
    if (request.url === "/.well-known/openid-configuration")
      return void json(response, {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
      });
    if (request.url === "/jwks")
      return void json(response, {
        keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: "one", alg: "RS256", use: "sig" }],
      });
    request
      .resume()
      .on("end", () =>
        json(response, { access_token: "x", token_type: "bearer", expires_in: 60, id_token: token(issuer) }),
      );
  });
  return Object.assign(state, server);
}
