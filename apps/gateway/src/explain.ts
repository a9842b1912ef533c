import {
  GatewayError,
  isObject,
  newRequestId,
  type DialectName,
  type Key,
  type KillSwitch,
} from "@trunkline/contracts";
import { bodyOf } from "@trunkline/dialects";
import { explainRoute, hopeless, type ExchangeRuntime, type Incoming, type Plan } from "@trunkline/exchange";
import { z } from "zod";
import { dialect } from "./config/provider-schema.ts";
import { readTurnHeaders } from "./http/turn-headers.ts";
import { isoTime } from "./iso-time.ts";

/** What a request is explained from. */
export const explainQuestion = z.strictObject({
  model: z.string().min(1).max(256),
  /** The request's body; an empty conversation when absent. */
  request: z.record(z.string(), z.unknown()).default({}),
  dialect: dialect.optional(),
  operation: z.enum(["generate", "embed"]).default("generate"),
  headers: z.record(z.string(), z.string()).default({}),
  /** A key's id or name; without one nothing is forbidden. */
  key: z.string().optional(),
  /** When; now when absent. */
  at: z.iso.datetime({ offset: true }).optional(),
});
export type ExplainQuestion = z.output<typeof explainQuestion>;

/** An explanation as it is shown. Times are ISO 8601. */
export type Explanation = {
  readonly model: string;
  /** The names the model went by, from the client's own. */
  readonly names: readonly string[];
  /** Pattern of the route, or empty. */
  readonly route: string;
  readonly strategy: string;
  readonly candidates: readonly {
    readonly target: string;
    readonly verdict: string;
    readonly why: string;
    readonly until: string | null;
    readonly fallback_on: readonly string[];
  }[];
  /** What the request would end with when no target can be asked. */
  readonly error: { readonly code: string; readonly status: number; readonly message: string } | null;
};

function dialectOf({ dialect, request }: ExplainQuestion): DialectName {
  if (dialect) return dialect;
  if (Array.isArray(request["contents"])) return "gemini";
  return request["input"] === undefined ? "openai-chat" : "openai-responses";
}

/** Bodies are checked when something looks into them: one without a conversation gets an empty one. */
function bodyFor(dialect: DialectName, { model, request }: ExplainQuestion): Record<string, unknown> {
  const asked = { role: "user", content: "Hello" };
  switch (dialect) {
    case "gemini":
      return { contents: [{ role: "user", parts: [{ text: "Hello" }] }], ...request };
    case "openai-responses":
      return { input: "Hello", ...request, model };
    case "anthropic-messages":
      return { max_tokens: 1024, messages: [asked], ...request, model };
    case "openai-chat":
      return { messages: [asked], ...request, model };
  }
}

function incomingOf(question: ExplainQuestion): Incoming {
  const dialect = dialectOf(question);
  const now = question.at === undefined ? Date.now() : Date.parse(question.at);
  const headers = Object.fromEntries(
    Object.entries(question.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const { request } = question;
  return {
    id: newRequestId(now),
    receivedAt: now,
    dialect,
    operation: question.operation,
    batch: false,
    secret: undefined,
    key: undefined,
    model: question.model,
    stream: request["stream"] === true,
    asJsonArray: false,
    body: bodyOf(JSON.parse(JSON.stringify(bodyFor(dialect, question)))),
    ...readTurnHeaders(headers),
    headers,
    vendorHeaders: {},
    trace: null,
  };
}

/** What would happen to a request. A model that means nothing is part of the answer, not a failure. */
export async function explain(
  runtime: ExchangeRuntime,
  question: ExplainQuestion,
  knowledge: { readonly key: Key | undefined; readonly killSwitches: readonly KillSwitch[] },
): Promise<Explanation> {
  let plan: Plan = { route: "", strategy: "direct", names: [question.model], candidates: [] };
  let error: GatewayError | undefined;
  try {
    plan = await explainRoute(runtime, incomingOf(question), knowledge);
    if (plan.candidates.every(({ verdict }) => verdict === "skip")) error = hopeless(plan);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    error = thrown;
  }
  return {
    model: question.model,
    names: plan.names,
    route: plan.route,
    strategy: plan.strategy,
    candidates: plan.candidates.map(({ name, verdict, why, until, fallbackOn }) => ({
      target: name,
      verdict,
      why,
      until: isoTime(until),
      fallback_on: fallbackOn,
    })),
    error: error ? { code: error.code, status: error.status, message: error.message } : null,
  };
}

/** Whether something is a question as the API takes it; throws `invalid_request` with what is wrong. */
export function readQuestion(body: unknown): ExplainQuestion {
  const result = explainQuestion.safeParse(isObject(body) ? body : {});
  if (result.success) return result.data;
  const reasons = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new GatewayError("invalid_request", reasons.join("; "));
}
