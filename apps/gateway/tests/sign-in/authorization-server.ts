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

/** A certified OpenID Connect provider on loopback, with its own pages for signing in. */
export async function startAuthorizationServer(options: {
  readonly redirectUris: readonly string[];
  /** Seconds. */
  readonly accessTokenTtl?: number;
  readonly features?: Configuration["features"];
}): Promise<AuthorizationServer> {
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
        grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        redirect_uris: [...options.redirectUris],
        response_types: ["code"],
      },
      {
        client_id: "trunkline-secret",
        client_secret: "a-client-secret-of-the-operator",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: ["https://unused.example/callback"],
        response_types: ["code"],
      },
    ],
    features: {
      deviceFlow: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: true },
      ...options.features,
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

/** A browser without pages: keeps cookies, follows redirects until it leaves the hosts it may visit. */
export function createBrowser() {
  const jars = new Map<string, Map<string, string>>();

  async function request(address: string, form?: Record<string, string>): Promise<Response> {
    const { host, pathname } = new URL(address);
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    const cookies = [...jar].filter(([key]) => pathname.startsWith(key.split(";")[1]!));
    const answer = await fetch(address, {
      redirect: "manual",
      headers: { cookie: cookies.map(([key, value]) => `${key.split(";")[0]}=${value}`).join("; ") },
      ...(form ? { method: "POST", body: new URLSearchParams(form) } : {}),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const at = pair!.indexOf("=");
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? "/";
      const key = `${pair!.slice(0, at)};${path}`;
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(key);
      else jar.set(key, pair!.slice(at + 1));
    }
    return answer;
  }

  /** Follows redirects; `until` keeps it from visiting an address, which it then ends at. */
  async function visit(
    address: string,
    until?: (address: string) => boolean,
    form?: Record<string, string>,
  ): Promise<{ address: string; answer: Response }> {
    let at = address;
    let answer = await request(at, form);
    for (let hops = 0; hops < 20; hops++) {
      const location = answer.headers.get("location");
      if (location === null) return { address: at, answer };
      at = new URL(location, at).href;
      if (until?.(at)) return { address: at, answer };
      answer = await request(at);
    }
    throw new Error(`redirected too often at ${at}`);
  }

  /** Signs in and agrees on the authorization server's pages, wherever it begins. */
  async function signIn(
    address: string,
    until?: (address: string) => boolean,
  ): Promise<{ address: string; text: string; status: number }> {
    let { address: at, answer } = await visit(address, until);
    for (let pages = 0; pages < 6 && !until?.(at); pages++) {
      const text = await answer.clone().text();
      const action = /<form[^>]*action="([^"]+)"/.exec(text)?.[1];
      if (action === undefined) break;
      const hidden = [...text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map((match) => [
        match[1]!,
        match[2]!,
      ]);
      const form = {
        ...Object.fromEntries(hidden),
        ...(text.includes('name="login"') ? { login: "ada", password: "x" } : {}),
      };
      const next = await visit(new URL(action.replaceAll("&amp;", "&"), at).href, until, form);
      at = next.address;
      answer = next.answer;
    }
    return { address: at, text: until?.(at) ? "" : await answer.text(), status: answer.status };
  }

  return { request, visit, signIn };
}
