import type { IncomingHttpHeaders } from "node:http";
import { GatewayError, lookUp } from "@trunkline/contracts";
import type { Incoming } from "@trunkline/exchange";

type TurnHeaders = Pick<Incoming, "session" | "priority" | "claudeCode" | "fallback">;

/** Headers of a request that say how its turn is to be answered, with what they say; the reference page is made from this. */
export const turnHeaders = {
  "x-trunkline-session":
    "`new` begins a session at a provider that has them; its id, from the answer, goes on with it.",
  "x-trunkline-priority":
    "`high`, `normal` or `low`: whose turn comes first where requests wait for a vendor's program.",
  "x-claude-code":
    "`true` has Claude Code answer, in a session, whatever the model is called; `false` rules it out (as in claude-cli-api).",
  "x-claude-session-id": "Goes on with a session of Claude Code's.",
  "x-shellm-allow-fallback": "`false` keeps to the first target: when it fails, no other is asked (as in SheLLM).",
  "x-shellm-fallback-provider":
    "A provider that is asked for the same model when all other targets have failed (as in SheLLM).",
} as const;

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  "1": true,
  yes: true,
  false: false,
  "0": false,
  no: false,
};
const priorities = { high: "high", normal: "normal", low: "low" } as const;
const usualFallback: Incoming["fallback"] = { isAllowed: true, provider: undefined };
const ordinary: TurnHeaders = {
  session: undefined,
  priority: "normal",
  claudeCode: undefined,
  fallback: usualFallback,
};

function invalid(header: string, allowed: string): GatewayError {
  return new GatewayError("invalid_header_value", `Invalid value of the header '${header}': ${allowed}.`, {
    parameter: header,
  });
}

/** Throws `invalid_header_value`. */
export function readTurnHeaders(headers: IncomingHttpHeaders): TurnHeaders {
  const mode = headers["x-claude-code"];
  const claudeSession = headers["x-claude-session-id"];
  const ownSession = headers["x-trunkline-session"];
  const wantedPriority = headers["x-trunkline-priority"];
  const fallback = readFallback(headers);
  if (mode === undefined && claudeSession === undefined && ownSession === undefined && wantedPriority === undefined)
    return fallback === usualFallback ? ordinary : { ...ordinary, fallback };
  const named = mode === undefined ? undefined : lookUp(truths, String(mode).trim().toLowerCase());
  if (mode !== undefined && named === undefined) throw invalid("X-Claude-Code", "true, 1, yes, false, 0 or no");
  if (named === false && claudeSession !== undefined)
    throw invalid("X-Claude-Session-ID", "it cannot go with X-Claude-Code: false");
  const priority = wantedPriority === undefined ? "normal" : lookUp(priorities, String(wantedPriority).toLowerCase());
  if (priority === undefined) throw invalid("x-trunkline-priority", "high, normal or low");
  const session = ownSession ?? claudeSession ?? (named ? "new" : undefined);
  if (session === "")
    throw invalid(ownSession === undefined ? "X-Claude-Session-ID" : "x-trunkline-session", "it is empty");
  return {
    session: session === undefined ? undefined : String(session),
    priority,
    fallback,
    claudeCode: named ?? (claudeSession === undefined ? undefined : true),
  };
}

function readFallback(headers: IncomingHttpHeaders): Incoming["fallback"] {
  const allow = headers["x-shellm-allow-fallback"];
  const provider = headers["x-shellm-fallback-provider"];
  if (allow === undefined && provider === undefined) return usualFallback;
  const isAllowed = allow === undefined ? true : lookUp(truths, String(allow).trim().toLowerCase());
  if (isAllowed === undefined) throw invalid("X-SheLLM-Allow-Fallback", "true, 1, yes, false, 0 or no");
  if (provider === "") throw invalid("X-SheLLM-Fallback-Provider", "it is empty");
  return { isAllowed, provider: isAllowed && provider !== undefined ? String(provider) : undefined };
}
