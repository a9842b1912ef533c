import type { IncomingHttpHeaders } from "node:http";
import type { TraceContext } from "@trunkline/contracts";

/** W3C Trace Context §3.2: version, trace id, parent id, flags; later versions may add members behind. */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const sampledFlag = 1;
const longestState = 512;

function hex(length: number): string {
  let text = "";
  // Ids only have to differ from others: nobody is kept out by them.
  while (text.length < length)
    text += Math.floor(Math.random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0");
  return text;
}

/** A place in the client's trace, or in one of its own; null where there is neither: whoever is not traced costs nothing. */
export function beginTrace(
  headers: IncomingHttpHeaders,
  { sample, mayTake }: { readonly sample: number; readonly mayTake: () => boolean },
): TraceContext | null {
  const given = headers["traceparent"];
  const found = typeof given === "string" ? traceparent.exec(given) : null;
  if (found)
    return {
      traceId: found[1]!,
      spanId: hex(16),
      parentId: found[2]!,
      isSampled: (Number.parseInt(found[3]!, 16) & sampledFlag) === sampledFlag && mayTake(),
    };
  if ((sample < 1 && Math.random() >= sample) || !mayTake()) return null;
  return { traceId: hex(32), spanId: hex(16), parentId: null, isSampled: true };
}

/** Lets so many a second pass, and a second's worth at once. */
export function createAllowance(perSecond: number, now: () => number): () => boolean {
  let left = perSecond;
  let at = now();
  return () => {
    const present = now();
    left = Math.min(perSecond, left + ((present - at) / 1000) * perSecond);
    at = present;
    if (left < 1) return false;
    left--;
    return true;
  };
}

/** What tells the vendor of the trace; `tracestate` goes on as it came. */
export function traceHeaders(trace: TraceContext, headers: IncomingHttpHeaders): Record<string, string> {
  const state = headers["tracestate"];
  const isKept = trace.parentId !== null && typeof state === "string" && state.length <= longestState;
  return {
    traceparent: `00-${trace.traceId}-${trace.spanId}-0${trace.isSampled ? 1 : 0}`,
    ...(isKept ? { tracestate: state } : {}),
  };
}

export const newSpanId = (): string => hex(16);
