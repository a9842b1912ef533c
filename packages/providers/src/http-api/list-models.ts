import {
  asArray,
  asNumber,
  asObject,
  asString,
  compact,
  GatewayError,
  isObject,
  type DialectName,
} from "@trunkline/contracts";
import { fetchText } from "../http1/fetch-text.ts";
import type { ModelInfo } from "../provider.ts";
import type { HttpTarget } from "./http-provider.ts";
import { failureOf } from "./send-generate.ts";
import { transportError } from "./transport.ts";

/** Most pages followed; Anthropic and Google hand out a thousand models a page. */
const mostPages = 5;

type ListOptions = {
  readonly path: string;
  readonly dialect: DialectName;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

export async function listModels(target: HttpTarget, options: ListOptions): Promise<readonly ModelInfo[]> {
  const models: ModelInfo[] = [];
  const pageSize: Partial<Record<DialectName, string>> = {
    "anthropic-messages": "limit=1000",
    gemini: "pageSize=1000",
  };
  let query = pageSize[options.dialect] ?? "";
  for (let page = 0; page < mostPages; page++) {
    const body =
      asObject(
        await fetchPage(target, { ...options, path: query === "" ? options.path : `${options.path}?${query}` }),
      ) ?? {};
    models.push(
      ...asArray(body["data"] ?? body["models"])
        .filter(isObject)
        .map(readModel),
    );
    const token = asString(body["nextPageToken"]);
    const last = body["has_more"] === true ? asString(body["last_id"]) : undefined;
    if (token === undefined && last === undefined) break;
    query = `${pageSize[options.dialect] ?? ""}&${token === undefined ? `after_id=${last}` : `pageToken=${encodeURIComponent(token)}`}`;
  }
  return models.filter((model) => model.id !== "");
}

async function fetchPage(target: HttpTarget, options: ListOptions): Promise<unknown> {
  try {
    const { path, headers } = options;
    const {
      status,
      headers: answerHeaders,
      text,
    } = await fetchText(target.client, { method: "GET", path, headers }, options.signal);
    if (status !== 200) throw failureOf(target, options.dialect, status, answerHeaders, text);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new GatewayError(
        "upstream_bad_response",
        `The provider '${target.name}' listed its models in something that is not JSON.`,
      );
    throw transportError(error, target.name);
  }
}

function readModel(model: Parameters<typeof asObject>[0] & object): ModelInfo {
  const entry = model as Record<string, never>;
  const createdAt = asString(entry["created_at"]);
  return compact({
    id: (asString(entry["id"]) ?? asString(entry["name"]) ?? "").replace(/^models\//, ""),
    displayName: asString(entry["display_name"]) ?? asString(entry["displayName"]),
    created:
      asNumber(entry["created"]) ?? (createdAt === undefined ? undefined : Math.floor(Date.parse(createdAt) / 1000)),
    inputTokenLimit:
      asNumber(entry["inputTokenLimit"]) ?? asNumber(entry["context_length"]) ?? asNumber(entry["max_input_tokens"]),
    outputTokenLimit: asNumber(entry["outputTokenLimit"]) ?? asNumber(entry["max_tokens"]),
  }) as ModelInfo;
}
