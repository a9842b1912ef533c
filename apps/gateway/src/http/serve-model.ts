import type { IncomingMessage, ServerResponse } from "node:http";
import { asBoolean, asString, GatewayError, toGatewayError, type DialectName } from "@trunkline/contracts";
import { RequestBody } from "@trunkline/dialects";
import { runExchange, writeError, type Incoming } from "@trunkline/exchange";
import { vendorHeaders } from "@trunkline/providers";
import type { Gateway } from "../gateway-types.ts";
import { clientAnswer } from "./client-answer.ts";
import { secretOf } from "./credentials.ts";
import type { ModelRoute } from "./model-routes.ts";
import { readBody } from "./read-body.ts";
import { readTurnHeaders } from "./turn-headers.ts";

/** Milliseconds a client that was refused may go on sending before it is cut off. */
const lingerMs = 5000;

/** Serves one request on a model route: reads it, hands it to the exchange, and answers what cannot even be read. */
export async function serveModel(
  gateway: Gateway,
  route: ModelRoute,
  query: URLSearchParams | undefined,
  requestId: string,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const receivedAt = Date.now();
  const answer = clientAnswer(response, requestId);
  let incoming: Incoming;
  try {
    const body = new RequestBody(await readBody(message, response, gateway.current.bodyLimit));
    const stream = route.stream ?? (route.dialect !== "gemini" && route.operation === "generate" && wantsStream(body));
    incoming = {
      id: requestId,
      receivedAt,
      dialect: route.dialect,
      operation: route.operation,
      batch: route.batch ?? false,
      secret: secretOf(message.headers, query),
      key: undefined,
      model: modelOf(route, body),
      stream,
      asJsonArray: route.dialect === "gemini" && stream && query?.get("alt") !== "sse",
      body,
      ...readTurnHeaders(message.headers),
      headers: message.headers,
      ...tracedHeaders(gateway, message, route.dialect),
    };
  } catch (thrown) {
    refuse(message, response, toGatewayError(thrown), route.dialect, requestId);
    return;
  }
  // A body may take its time: the configuration is the one in force now, whose connections are open.
  const { config, exchange } = gateway.current;
  const watched = config.ledger.store_content
    ? gateway.contentKeeper.watch(requestId, incoming.body.bytes, answer)
    : answer;
  await runExchange(exchange, incoming, watched);
}

/** What goes on to the vendor of the client's headers; where requests are traced, with the place in the trace they come from. */
function tracedHeaders(
  { telemetry }: Gateway,
  message: IncomingMessage,
  dialect: DialectName,
): Pick<Incoming, "vendorHeaders" | "trace"> {
  const vendorHeaders = pickHeaders(message, dialect);
  if (!telemetry) return { vendorHeaders, trace: null };
  const trace = telemetry.begin(message.headers);
  if (trace) Object.assign(vendorHeaders, telemetry.headersOf(trace, message.headers));
  return { vendorHeaders, trace };
}

function wantsStream(body: RequestBody): boolean {
  const stream = body.member("stream");
  if (stream !== undefined && stream !== null && asBoolean(stream) === undefined) {
    throw new GatewayError("invalid_request", "Invalid type for 'stream': expected a boolean.", {
      parameter: "stream",
    });
  }
  return stream === true;
}

function modelOf(route: ModelRoute, body: RequestBody): string {
  if (route.model !== undefined) return route.model;
  const model = asString(body.member("model"));
  if (model === undefined || model === "")
    throw new GatewayError("invalid_request", "Missing required parameter: 'model' must be a string.", {
      parameter: "model",
    });
  if (model.length > 256)
    throw new GatewayError("invalid_request", "The model's name is longer than 256 characters.", {
      parameter: "model",
    });
  return model;
}

function pickHeaders(message: IncomingMessage, dialect: DialectName): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of vendorHeaders[dialect]) {
    const value = message.headers[name];
    if (typeof value === "string") picked[name] = value;
  }
  return picked;
}

/** Answers a request whose body was not read to the end. The rest is let run out, so that the client gets to read the answer. */
export function refuse(
  message: IncomingMessage,
  response: ServerResponse,
  error: GatewayError,
  dialect: DialectName,
  requestId: string,
): void {
  const unread = !message.complete;
  writeError(clientAnswer(response, requestId), error, dialect, requestId, unread ? { connection: "close" } : {});
  if (!unread) return;
  message.resume();
  const cut = setTimeout(() => message.destroy(), lingerMs);
  cut.unref();
  message.once("close", () => clearTimeout(cut));
}
