import { GatewayError, toGatewayError, type CredentialRecord, type Login } from "@trunkline/contracts";
import type { Provider } from "@trunkline/providers";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Gateway } from "../gateway-types.ts";
import { isoTime } from "../iso-time.ts";
import { providerNamed } from "../provider-named.ts";
import type { BegunLogin } from "../sign-in/sign-ins.ts";
import { pagePolicy, signInPage } from "../sign-in/sign-in-page.ts";

type Named = { Params: { provider: string } };
const cookieName = "trunkline_login";

function cookieOf(request: FastifyRequest): string | undefined {
  const pairs = (request.headers.cookie ?? "").split(/;\s*/);
  return pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
}

function setCookie(reply: FastifyReply, provider: string, value: string, seconds: number): void {
  // Lax: the browser comes back from the authorization server by a link of another site.
  const cookie = `${cookieName}=${value}; Path=/v1/auth/${encodeURIComponent(provider)}; Max-Age=${seconds}; HttpOnly; SameSite=Lax`;
  reply.header("set-cookie", cookie);
}

function shownBegun(begun: BegunLogin, origin: string): object {
  const { provider, ticket } = begun;
  return {
    login: begun.id,
    provider,
    flow: begun.flow,
    expires: isoTime(begun.expiresAt),
    ...(begun.flow === "code"
      ? { url: begun.url, open: `${origin}/v1/auth/${encodeURIComponent(provider)}/login?ticket=${ticket}` }
      : {
          verification_uri: begun.verificationUri,
          verification_uri_complete: begun.verificationUriComplete,
          user_code: begun.userCode,
        }),
  };
}

function shownLogin({ id, flow, status, problem, expiresAt }: Login): object {
  const isOver = status === "pending" && expiresAt < Date.now();
  return { id, flow, status: isOver ? "failed" : status, problem: isOver ? "nobody signed in in time" : problem };
}

function shownState(record: CredentialRecord | undefined): object {
  if (!record) return { state: "signed-out", problem: null };
  const { credential, state, problem, skewMs } = record;
  const hasEnded = credential.expiresAt !== null && credential.expiresAt <= Date.now() && credential.renewal === null;
  return {
    state: state === "ready" && hasEnded ? "expired" : state,
    problem,
    expires: isoTime(credential.expiresAt),
    obtained: isoTime(credential.obtainedAt),
    renewable: credential.renewal !== null,
    scope: credential.scope,
    subject: credential.subject,
    clock_skew_seconds: Math.round(skewMs / 1000),
  };
}

/** How operators sign in to providers. Tokens go in and never out. */
export function addAuthRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { signIns } = gateway;
  const operator = async (request: FastifyRequest) => (await gateway.desk.authorize(request, "providers:sign-in")).name;
  const originOf = (request: FastifyRequest) => `${request.protocol}://${request.host}`;
  const callbackOf = (request: FastifyRequest, name: string) =>
    `${originOf(request)}/v1/auth/${encodeURIComponent(name)}/callback`;

  /** How one signs in to it; none where one does not. */
  async function flowsOf({ name, signIn }: Provider): Promise<string[]> {
    if (!signIn) return [];
    if (!signIn.oauth) return ["credential"];
    const hasDevice = await signIns.supportsDevice(name).catch(() => false);
    return ["code", ...(hasDevice ? ["device"] : [])];
  }

  app.post<Named & { Body: { flow?: unknown } | null }>("/v1/auth/:provider/login", async (request) => {
    await operator(request);
    const { provider } = request.params;
    const { flow = "code" } = request.body ?? {};
    if (flow !== "code" && flow !== "device")
      throw new GatewayError("invalid_request", "'flow' is code or device.", { parameter: "flow" });
    const begun =
      flow === "device"
        ? await signIns.beginDevice(provider)
        : await signIns.beginCode(provider, callbackOf(request, provider));
    return shownBegun(begun, originOf(request));
  });

  // For a browser: with a ticket from above, or an operator who has typed the admin's password in.
  app.get<Named & { Querystring: { ticket?: string } }>("/v1/auth/:provider/login", async (request, reply) => {
    const { provider } = request.params;
    let { ticket } = request.query;
    if (ticket === undefined) {
      await operator(request);
      ticket = (await signIns.beginCode(provider, callbackOf(request, provider))).ticket!;
    }
    const { url, cookie } = await signIns.openTicket(provider, ticket);
    setCookie(reply, provider, cookie, 600);
    return reply.header("cache-control", "no-store").redirect(url);
  });

  app.get<Named>("/v1/auth/:provider/callback", async (request, reply) => {
    const { provider } = request.params;
    const cookie = cookieOf(request);
    const page = (status: number, title: string, text: string) =>
      reply
        .code(status)
        .type("text/html; charset=utf-8")
        .headers({ "content-security-policy": pagePolicy, "cache-control": "no-store" })
        .send(signInPage(title, text));
    if (cookie === undefined)
      return page(
        400,
        "One step is left",
        `This sign-in was not begun in this browser. If you began it at a terminal, paste the address of this page there. Otherwise close this page: somebody may be trying to sign your gateway in with an account of theirs.`,
      );
    try {
      await signIns.finish(provider, new URL(request.url, originOf(request)), { cookie });
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.code === "internal_error") gateway.log.error({ err: error.details.cause }, "a sign-in failed");
      return page(error.status, "The sign-in failed", error.message);
    }
    setCookie(reply, provider, "", 0);
    gateway.log.info({ provider }, "signed in");
    return page(200, "Signed in", `Trunkline is signed in to \`${provider}\`. You can close this page.`);
  });

  // For an operator whose browser cannot reach the gateway: the address it was sent to.
  app.post<Named & { Body: { login?: unknown; url?: unknown } | null }>(
    "/v1/auth/:provider/callback",
    async (request) => {
      const by = await operator(request);
      const { login, url } = request.body ?? {};
      const address = typeof url === "string" ? URL.parse(url.trim()) : null;
      if (typeof login !== "string" || !address)
        throw new GatewayError(
          "invalid_request",
          "Send 'login', the sign-in's id, and 'url', the whole address the browser ended at.",
        );
      await signIns.finish(request.params.provider, address, { login });
      gateway.log.info({ provider: request.params.provider, by }, "signed in");
      return { login, status: "done" };
    },
  );

  app.get<Named & { Querystring: { login?: string } }>("/v1/auth/:provider/status", async (request) => {
    await operator(request);
    const provider = providerNamed(gateway.current, request.params.provider);
    const login = request.query.login === undefined ? undefined : await signIns.find(request.query.login);
    return {
      provider: provider.name,
      kind: provider.kind,
      ...shownState(await gateway.store.credentials.load(provider.name)),
      ...(login?.provider === provider.name ? { login: shownLogin(login) } : {}),
      flows: await flowsOf(provider),
    };
  });

  app.post<Named>("/v1/auth/:provider", async (request, reply) => {
    const by = await operator(request);
    const { provider } = request.params;
    await signIns.handIn(provider, request.body);
    gateway.log.info({ provider, by }, "a credential was handed in");
    return reply.code(201).send({ provider, ...shownState(await gateway.store.credentials.load(provider)) });
  });

  app.delete<Named>("/v1/auth/:provider", async (request) => {
    const by = await operator(request);
    const { provider } = request.params;
    const { revoked, problem } = await signIns.remove(provider);
    gateway.log.info({ provider, by, revoked }, "signed out");
    return { provider, state: "signed-out", revoked, problem };
  });
}
