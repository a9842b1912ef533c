import {
  asNumber,
  asObject,
  asString,
  isObject,
  parseJsonObject,
  toGatewayError,
  type GatewayError,
  type JsonObject,
  type JsonValue,
} from "@trunkline/contracts";
import type { Seat } from "../driver.ts";
import { programError } from "../failure/program-error.ts";
import { RpcRefusal } from "../process/json-rpc.ts";

export const title = "Codex";

/** The program's word for a failure, and the status its vendor answered with, out of `codexErrorInfo`. */
function infoOf(info: JsonValue | undefined): { type: string | undefined; status: number | undefined } {
  if (typeof info === "string") return { type: info, status: statuses[info] };
  if (!isObject(info)) return { type: undefined, status: undefined };
  const [type, details] = Object.entries(info)[0] ?? [];
  return { type, status: asNumber(asObject(details)?.["httpStatusCode"]) };
}

const statuses: Readonly<Record<string, number>> = {
  unauthorized: 401,
  badRequest: 400,
  modelNotFound: 404,
  rateLimitExceeded: 429,
  serverOverloaded: 529,
  internalServerError: 500,
};

const said: Readonly<Record<string, string>> = {
  usageLimitExceeded: "usage limit",
  contextWindowExceeded: "contextWindowExceeded",
};

/** A `TurnError`. */
export function failureOfTurn(error: JsonObject, seat: Seat, resetsAt: number | undefined): GatewayError {
  const { type, status } = infoOf(error["codexErrorInfo"]);
  const text = asString(error["message"]) ?? "";
  // A refusal of the vendor's is handed on as the JSON it was.
  const inner = text.startsWith("{") ? asObject(parseJsonObject(text)?.["error"]) : undefined;
  const upstream = /unexpected status (\d{3})|last status: (\d{3})/.exec(text);
  return programError({
    provider: seat.provider,
    program: title,
    status: status ?? (upstream ? Number(upstream[1] ?? upstream[2]) : inner ? 400 : undefined),
    type: asString(inner?.["code"]) ?? asString(inner?.["type"]) ?? said[type ?? ""] ?? type,
    text: (asString(inner?.["message"]) ?? text).replace(/, url: \S+/g, ""),
    secrets: Object.values(seat.account.environment),
    now: seat.now(),
    resetsAt,
  });
}

/** A call the program refused, or its end. */
export function failureOfCall(error: unknown, seat: Seat): GatewayError {
  if (!(error instanceof RpcRefusal)) return toGatewayError(error);
  return programError({
    provider: seat.provider,
    program: title,
    // The program's own word for too much at once.
    status: error.refusal.code === -32001 ? 529 : undefined,
    text: error.message,
    secrets: Object.values(seat.account.environment),
    now: seat.now(),
  });
}
