import { asArray, asObject, isObject } from "@trunkline/contracts";
import type { RequestBody, TargetTraits } from "@trunkline/dialects";

/**
 * Whether a Chat request for a vendor that speaks Chat its own way has to be rewritten: members it refuses, a role or a name it does
 * not know, files it does not fetch. Everything else goes through byte for byte.
 */
export function needsAdapting(request: RequestBody, traits: TargetTraits): boolean {
  if (traits.family === "openai") return false;
  const body = request.whole();
  if (traits.refuses.some((member) => body[member] !== undefined)) return true;
  if (traits.maxTokensField === "max_tokens" && body["max_completion_tokens"] !== undefined) return true;
  if (!traits.reasoningEffort && body["reasoning_effort"] !== undefined) return true;
  if (traits.jsonOutput !== "schema" && asObject(body["response_format"])?.["type"] === "json_schema") return true;
  if (!traits.customTools && asArray(body["tools"]).some((tool) => asObject(tool)?.["type"] === "custom")) return true;
  return asArray(body["messages"]).some((value) => {
    const message = asObject(value);
    if (message?.["role"] === "developer" && traits.developerRole === "system") return true;
    return !traits.mediaByUrl && asArray(message?.["content"]).some(isRemoteImage);
  });
}

function isRemoteImage(part: unknown): boolean {
  const url = isObject(part) ? asObject(part["image_url"])?.["url"] : undefined;
  return typeof url === "string" && url.startsWith("http");
}
