import {
  asObject,
  asString,
  GatewayError,
  isObject,
  newRequestId,
  parseJson,
  toGatewayError,
  type JsonObject,
  type Key,
} from "@trunkline/contracts";
import { bodyOf } from "@trunkline/dialects";
import { errorAnswer, runExchange, type ClientAnswer, type ExchangeRuntime, type Incoming } from "@trunkline/exchange";
import type { Execution } from "@trunkline/jobs";
import { gather } from "@trunkline/providers";
import { matchModelRoute, type ModelRoute } from "../http/model-routes.ts";
import { readTurnHeaders } from "../http/turn-headers.ts";

/** Largest answer that is kept, in bytes. */
const largestAnswer = 64 * 1024 * 1024;

/** What a request in the background asks. Throws GatewayError for one that cannot be made there. */
export function checkRequest(
  endpoint: unknown,
  body: unknown,
  /** What the client calls the endpoint. */
  endpointName = "endpoint",
): {
  readonly route: ModelRoute;
  readonly endpoint: string;
  readonly body: JsonObject;
} {
  const refuse = (message: string, parameter: string) => new GatewayError("invalid_request", message, { parameter });
  if (typeof endpoint !== "string")
    throw refuse(`'${endpointName}' must be the path of a model route, such as /v1/chat/completions.`, endpointName);
  const route = matchModelRoute(endpoint);
  if (!route || endpoint.length > 300)
    throw refuse(
      `'${endpointName}' is no model route: '${endpoint.slice(0, 100)}'. Send one such as /v1/chat/completions or /v1/messages.`,
      endpointName,
    );
  if (!isObject(body)) throw refuse("'body' must be the request's body, a JSON object.", "body");
  if (route.stream === true || body["stream"] === true)
    throw refuse("There is nobody to stream to: leave 'stream' out.", "body.stream");
  if (
    route.model === undefined &&
    (typeof body["model"] !== "string" || body["model"] === "" || body["model"].length > 256)
  )
    throw refuse("'body.model' must name a model.", "body.model");
  return { route, endpoint, body };
}

function incomingOf(endpoint: string, body: JsonObject, key: Key): Incoming {
  const { route } = checkRequest(endpoint, body);
  const now = Date.now();
  return {
    id: newRequestId(now),
    receivedAt: now,
    dialect: route.dialect,
    operation: route.operation,
    batch: route.batch ?? false,
    secret: undefined,
    key,
    model: route.model ?? (body["model"] as string),
    stream: false,
    asJsonArray: false,
    body: bodyOf(body),
    ...readTurnHeaders({}),
    // Somebody may be waiting for the other requests.
    priority: "low",
    headers: {},
    vendorHeaders: {},
    trace: null,
  };
}

/** The client's side of a request nobody waits for: gathers the answer. */
function collect(signal: AbortSignal) {
  let status = 0;
  let headers: Readonly<Record<string, string>> = {};
  const gathered = gather(largestAnswer);
  let isTooLong = false;
  let finish: (outcome: "whole" | "broken") => void = () => {};
  const ended = new Promise<"whole" | "broken">((resolve) => (finish = resolve));
  const add = (chunk: string | Buffer) => {
    isTooLong ||= !gathered.add(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  };
  const answer: ClientAnswer = {
    begin(given, givenHeaders) {
      status = given;
      headers = givenHeaders;
    },
    write(chunk) {
      add(chunk);
      return true;
    },
    end(chunk) {
      if (chunk !== undefined) add(chunk);
      finish("whole");
    },
    isClosed: () => signal.aborted,
    destroy: () => finish("broken"),
    onDrain() {},
    onClose(listener) {
      signal.addEventListener("abort", () => {
        listener();
        finish("broken");
      });
    },
  };
  return {
    answer,
    async result() {
      const outcome = await ended;
      return {
        outcome: isTooLong ? "broken" : outcome,
        status,
        headers,
        text: gathered.whole().toString("utf8"),
      };
    },
  };
}

/** What an answer calls its error, whichever dialect it is in. */
function errorCodeOf(body: unknown): string | undefined {
  const error = asObject(asObject(body)?.["error"]);
  return asString(error?.["code"]) ?? asString(error?.["type"]) ?? asString(error?.["status"]);
}

/** Makes a request of a client's in the background, by the same way as any other. Never throws. */
export async function executeRequest(
  runtime: ExchangeRuntime,
  request: { readonly endpoint: string; readonly body: JsonObject },
  key: Key | undefined,
  signal: AbortSignal,
): Promise<Execution> {
  let requestId = "";
  try {
    if (!key) throw new GatewayError("invalid_key", "The key this was asked with is not there any more.");
    const incoming = incomingOf(request.endpoint, request.body, key);
    requestId = incoming.id;
    const collected = collect(signal);
    await runExchange(runtime, incoming, collected.answer);
    const { outcome, status, headers, text } = await collected.result();
    if (outcome === "broken" && !signal.aborted)
      throw new GatewayError(
        "output_too_large",
        `The answer broke off, or is larger than ${largestAnswer / 1024 / 1024} MiB.`,
      );
    const body = parseJson(text) ?? text;
    if (status < 400) return { status, body, errorCode: null, isPassing: false, retryAfterMs: undefined };
    const wait = Number(headers["retry-after-ms"] ?? Number(headers["retry-after"]) * 1000);
    return {
      status,
      body,
      errorCode: errorCodeOf(body) ?? `http_${status}`,
      isPassing: headers["x-should-retry"] !== "false" && (status === 408 || status === 429 || status >= 500),
      retryAfterMs: Number.isFinite(wait) ? wait : undefined,
    };
  } catch (thrown) {
    const error = toGatewayError(thrown);
    const route = matchModelRoute(request.endpoint);
    const { status, body } = errorAnswer(error, route?.dialect ?? "openai-chat", requestId);
    return {
      status,
      body: parseJson(body) ?? body,
      errorCode: error.code,
      isPassing: error.retryable,
      retryAfterMs: undefined,
    };
  }
}
