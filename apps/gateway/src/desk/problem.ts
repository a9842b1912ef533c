import type { Problem } from "@trunkline/admin/api";
import { errorTable, type GatewayError } from "@trunkline/contracts";

const titles: Readonly<Record<number, string>> = {
  400: "The request is wrong",
  401: "Sign in first",
  403: "Not allowed",
  404: "Not found",
  405: "Not this method",
  409: "Conflict",
  412: "Changed meanwhile",
  413: "Too large",
  428: "If-Match is missing",
  429: "Too many requests",
  500: "A fault of the gateway",
};

/** An error of the admin API. What is behind `type` stays where it is: `docs/reference/errors.md`. */
export function problemOf(error: GatewayError, requestId: string): Problem {
  const { parameter } = error.details;
  const isHelpful = error.message.includes(". ") || error.code !== "internal_error";
  return {
    type: `urn:trunkline:error:${error.code}`,
    title: titles[error.status] ?? "It did not work",
    status: error.status,
    detail: isHelpful ? error.message : `${error.message} ${errorTable[error.code].fix}`,
    code: error.code,
    ...(parameter === undefined ? {} : { parameter }),
    request_id: requestId,
  };
}
