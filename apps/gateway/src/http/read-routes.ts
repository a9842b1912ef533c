import type { ServerResponse } from "node:http";
import {
  asArray,
  GatewayError,
  type DialectName,
  type JsonObject,
  type JsonValue,
  type Key,
} from "@trunkline/contracts";
import { isModelAllowed } from "@trunkline/policies";
import type { Composition } from "../compose.ts";
import { encodeModel, encodeModels, listedModels, type ListedModel } from "./list-models.ts";
import { safeDecode } from "./model-routes.ts";

/** The dialect of `GET /v1/models`: three vendors keep their list at one address and are told apart by their headers. */
export function modelsDialect(
  path: string,
  headers: Readonly<Record<string, unknown>>,
  query: URLSearchParams | undefined,
): DialectName {
  if (headers["anthropic-version"] !== undefined) return "anthropic-messages";
  if (path.startsWith("/v1beta") || headers["x-goog-api-key"] !== undefined || query?.has("key")) return "gemini";
  return "openai-chat";
}

const modelPath = /^\/v1(?:beta|alpha)?\/models(?:\/(.+))?$/;
const responsePath = /^\/v1\/responses\/([^/]+)(\/input_items)?$/;

/** Serves what is read rather than made: model lists and stored responses. False when the path is neither. Throws GatewayError. */
export async function serveRead(
  composition: Composition,
  request: { method: string; path: string; dialect: DialectName; key: Key },
  response: ServerResponse,
): Promise<boolean> {
  const models = request.method === "GET" ? modelPath.exec(request.path) : null;
  if (models) {
    send(response, await readModels(composition, request.dialect, request.key, models[1]));
    return true;
  }
  const stored = responsePath.exec(request.path);
  if (!stored || (request.method !== "GET" && request.method !== "DELETE")) return false;
  send(response, await serveStored(composition, request.method, stored[1]!, stored[2] !== undefined, request.key));
  return true;
}

/** True for a path `serveRead` knows under this method. */
export function isReadPath(method: string, path: string): boolean {
  return (
    (method === "GET" && modelPath.test(path)) || ((method === "GET" || method === "DELETE") && responsePath.test(path))
  );
}

function send(response: ServerResponse, body: JsonObject | string): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) }).end(text);
}

async function readModels(
  { exchange }: Composition,
  dialect: DialectName,
  key: Key,
  id: string | undefined,
): Promise<JsonObject> {
  const allowed = ({ id: name, model }: ListedModel) =>
    isModelAllowed(key, name, model.id, `${model.provider.name}/${model.id}`);
  const listed = (await listedModels(exchange.catalogue, exchange.planner.named)).filter(allowed);
  if (id === undefined) return encodeModels(dialect, listed);
  const wanted = safeDecode(id);
  const found = listed.find(
    (entry) => entry.id === wanted || `${entry.model.provider.name}/${entry.model.id}` === wanted,
  );
  if (found) return encodeModel(dialect, { ...found, id: wanted });
  throw new GatewayError(
    "model_not_found",
    `The model '${wanted}' does not exist or this key does not allow it. List the models with GET /v1/models.`,
    { parameter: "model" },
  );
}

async function serveStored(
  { exchange }: Composition,
  method: "GET" | "DELETE",
  id: string,
  inputItems: boolean,
  key: Key,
): Promise<JsonObject | string> {
  const stored = await exchange.responses.find(id, key.id);
  if (!stored)
    throw new GatewayError(
      "not_found",
      `Response with id '${id}' not found. It may have expired, belong to another key, or have been made with \`store: false\`.`,
    );
  if (stored.provider !== null) {
    const keeper = exchange.catalogue.providers.find((provider) => provider.name === stored.provider);
    if (!keeper?.forward)
      throw new GatewayError(
        "provider_unavailable",
        `The provider '${stored.provider}' that keeps this response is not configured any more.`,
      );
    const body = await keeper.forward(
      method,
      `/responses/${encodeURIComponent(id)}${inputItems ? "/input_items" : ""}`,
    );
    if (method === "DELETE") await exchange.responses.delete(id, key.id);
    return body;
  }
  if (method === "DELETE") {
    await exchange.responses.delete(id, key.id);
    return { id, object: "response", deleted: true };
  }
  if (!inputItems) return stored.response!;
  const data = asArray(stored.input as JsonValue).toReversed();
  return { object: "list", data, has_more: false, first_id: null, last_id: null };
}
