import type { ServerResponse } from "node:http";
import type { FailureClass } from "@trunkline/contracts";
import { fixtures, sendJson, sendSse, startUpstream, type FakeUpstream } from "@trunkline/testkit";
import type { Explanation } from "../../src/explain.ts";
import { startGateway, type TestGateway } from "../harness.ts";

const chat = fixtures["openai-chat"].text;
const role = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n`;
const text = role.replace('"content":""', '"content":"Half"');
const problem = (message: string, code: string) => ({ error: { message, type: code, code } });

/** Ways an upstream can answer, and what sort of failure each is. */
export const manners = {
  ok: { failure: undefined, answer: (response, stream) => send(response, stream) },
  e500: { failure: "server_error", answer: (response) => sendJson(response, 500, problem("broken", "server_error")) },
  e503: { failure: "overloaded", answer: (response) => sendJson(response, 503, problem("busy", "overloaded")) },
  e529: { failure: "overloaded", answer: (response) => sendJson(response, 529, problem("busy", "overloaded_error")) },
  e429: {
    failure: "rate_limit",
    answer: (response) => sendJson(response, 429, problem("slow down", "rate_limit"), { "retry-after": "60" }),
  },
  e429bare: {
    failure: "rate_limit",
    answer: (response) => sendJson(response, 429, problem("slow down", "rate_limit")),
  },
  e401: { failure: "auth", answer: (response) => sendJson(response, 401, problem("who?", "invalid_api_key")) },
  e402: { failure: "auth", answer: (response) => sendJson(response, 402, problem("pay", "insufficient_quota")) },
  e403: { failure: "auth", answer: (response) => sendJson(response, 403, problem("no", "forbidden")) },
  e404: { failure: "not_found", answer: (response) => sendJson(response, 404, problem("no model", "model_not_found")) },
  e504: { failure: "timeout", answer: (response) => sendJson(response, 504, problem("late", "timeout")) },
  silent: { failure: "timeout", answer: () => {} },
  reset: { failure: "server_error", answer: (response) => response.destroy() },
  context: {
    failure: "context_length",
    answer: (response) => sendJson(response, 400, problem("too long", "context_length_exceeded")),
  },
  filter: { failure: "content_filter", answer: (response) => sendJson(response, 400, problem("no", "content_filter")) },
  rejected: { failure: "own", answer: (response) => sendJson(response, 400, problem("bad value", "invalid_value")) },
  /** Streams only: ends before it has said anything. */
  empty: { failure: "server_error", answer: (response) => sendSse(response, role) },
  /** Streams only: an error behind the opening, the connection kept open. */
  late: {
    failure: "server_error",
    answer: (response) =>
      void response
        .writeHead(200, { "content-type": "text/event-stream" })
        .write(`${role}data: {"error":{"message":"broke","type":"server_error","code":500}}\n\n`),
  },
  /** Streams only: breaks off in the middle. */
  half: {
    failure: "said",
    answer: (response) =>
      void response.writeHead(200, { "content-type": "text/event-stream" }).write(text, () => response.destroy()),
  },
} as const satisfies Record<
  string,
  { failure: FailureClass | "own" | "said" | undefined; answer: (response: ServerResponse, stream: boolean) => void }
>;
export type Manner = keyof typeof manners;

function send(response: ServerResponse, stream: boolean): void {
  if (stream) sendSse(response, chat.sse);
  else sendJson(response, 200, chat.json);
}

export const providers = ["a", "b", "c"] as const;
export type ProviderName = (typeof providers)[number];

/** A gateway with three providers at one upstream, whose manners are set anew for each request. */
export type Street = {
  readonly gateway: TestGateway;
  readonly upstream: FakeUpstream;
  manners: Readonly<Partial<Record<ProviderName, Manner>>>;
  explain(question: object): Promise<Explanation>;
  /** What the ledger knows of a request: targets tried and passed over, in order. */
  traceOf(id: string): Promise<{ tried: string[]; skipped: string[]; route: string; provider: string }>;
  admin(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Response>;
  /** As if nothing had ever failed. */
  forget(): Promise<void>;
  close(): Promise<void>;
};

const password = "admin-password-for-tests";

export async function openStreet(config: object): Promise<Street> {
  const street = { manners: {} } as Street;
  const upstream = await startUpstream(({ path, stream }, response) => {
    const provider = path.split("/")[1] as ProviderName;
    const manner = street.manners[provider] ?? "ok";
    if (path.endsWith("/models") && manner === "ok") return sendJson(response, 200, { object: "list", data: [] });
    manners[manner].answer(response, stream);
  });
  const entry = (name: string) => ({
    preset: "openai",
    dialects: ["openai-chat"],
    base_url: `${upstream.origin}/${name}/v1`,
    api_key: `sk-${name}`,
    models: ["small", "large", `only-${name}`],
    timeouts: { first_byte_seconds: 0.2 },
  });
  const gateway = await startGateway(
    {
      providers: Object.fromEntries(providers.map((name) => [name, entry(name)])),
      retries: { attempts: 0 },
      ...config,
    },
    { TRUNKLINE_ADMIN_PASSWORD: password },
  );
  const { database } = gateway.started.gateway.store;
  const admin = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    fetch(gateway.origin + path, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`,
        ...(body ? { "content-type": "application/json" } : {}),
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  return Object.assign(street, {
    gateway,
    upstream,
    admin,
    async explain(question: object) {
      const answer = await admin("POST", "/admin/api/routes/explain", question);
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()) as Explanation;
    },
    async traceOf(id: string) {
      await gateway.started.gateway.flush();
      const row = await database.selectFrom("exchanges").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
      const rows = await database
        .selectFrom("attempts")
        .selectAll()
        .where("exchange_id", "=", id)
        .orderBy("number")
        .execute();
      const name = ({ provider, model }: { provider: string; model: string }) => `${provider}/${model}`;
      const tried = rows.filter(({ skipped }) => skipped === 0).map(name);
      // One that went well at once has no rows of its own.
      return {
        tried: tried.length === 0 && row.outcome === "ok" ? [name(row)] : tried,
        skipped: rows.filter(({ skipped }) => skipped === 1).map(name),
        route: row.route ?? "",
        provider: row.provider,
      };
    },
    async forget() {
      for (const name of providers) await admin("DELETE", `/admin/api/targets/${name}`);
    },
    async close() {
      await gateway.close();
      await upstream.close();
    },
  });
}

/** What an explanation says will happen, given how the upstreams will behave. */
export function foretold(
  { candidates }: Explanation,
  set: Street["manners"],
): { tried: string[]; skipped: string[]; succeeds: boolean } {
  const tried: string[] = [];
  const skipped = candidates.filter(({ verdict }) => verdict === "skip").map(({ target }) => target);
  for (const { target, verdict, fallback_on } of candidates) {
    if (verdict === "skip") continue;
    tried.push(target);
    const { failure } = manners[set[target.split("/")[0] as ProviderName] ?? "ok"];
    if (failure === undefined) return { tried, skipped, succeeds: true };
    if (!(fallback_on as readonly string[]).includes(failure)) break;
  }
  return { tried, skipped, succeeds: false };
}
