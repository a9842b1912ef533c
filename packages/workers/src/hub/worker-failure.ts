import { GatewayError, type ErrorCode } from "@trunkline/contracts";

const codes: Readonly<Record<string, ErrorCode>> = {
  unreachable: "upstream_unreachable",
  timeout: "upstream_timeout",
  signed_out: "account_signed_out",
  refused: "upstream_rejected",
  cancelled: "upstream_ended_early",
  internal: "upstream_error",
};

/** What a worker says went wrong, as one of our errors. */
export function workerFailure(worker: string, code: string, message: string): GatewayError {
  const help = code === "signed_out" ? ` Sign in at the worker '${worker}' again.` : "";
  const text = message.replace(/[.\s]+$/, "");
  return new GatewayError(codes[code] ?? "upstream_error", `The worker '${worker}' failed: ${text || code}.${help}`);
}

/** The worker's connection is gone and did not come back, or was cut off. */
export function workerLost(worker: string, reason: string): GatewayError {
  return new GatewayError("upstream_ended_early", `The worker '${worker}' ${reason} before its answer was complete.`);
}
