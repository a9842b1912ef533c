import { GatewayError, type Key } from "@trunkline/contracts";
import { decodeEmbedRequest } from "@trunkline/dialects";
import type { Incoming } from "./incoming.ts";

export function notAllowed(key: Key, requested: string): GatewayError {
  return new GatewayError(
    "model_not_allowed",
    `The key '${key.name}' does not allow the model '${requested}'. It allows: ${key.models.join(", ")}.`,
    { parameter: "model" },
  );
}

export function clientClosed(): GatewayError {
  return new GatewayError("client_closed", "The client went away before the answer was complete.");
}

export function noSessions(provider: string): GatewayError {
  return new GatewayError(
    "invalid_request",
    `The provider '${provider}' keeps no sessions: send the whole conversation, or choose a model of a vendor's program.`,
    { parameter: "x-trunkline-session" },
  );
}

export function keptElsewhere(provider: string): GatewayError {
  return new GatewayError(
    "invalid_request",
    `The previous response is kept by the provider '${provider}': continue with one of its models, or send the whole conversation as \`input\`.`,
    { parameter: "previous_response_id" },
  );
}

export function cannot(incoming: Incoming, provider: string): GatewayError {
  if (incoming.operation === "embed") decodeEmbedRequest(incoming.dialect, incoming.body.whole(), incoming.batch);
  return new GatewayError(
    "unsupported_parameter",
    `The provider '${provider}' has no embeddings. Choose an embedding model of another provider.`,
    { parameter: "model" },
  );
}
