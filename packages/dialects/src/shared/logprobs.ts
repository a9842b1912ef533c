import { asArray, asNumber, asString, isObject, type JsonValue, type TokenLogprob } from "@trunkline/contracts";

/** OpenAI's list of tokens with their log probabilities; what is none is left out. */
export function logprobsOf(value: JsonValue | undefined): TokenLogprob[] {
  return asArray(value).filter(isToken) as unknown as TokenLogprob[];
}

function isToken(value: JsonValue): boolean {
  if (!isObject(value) || asString(value["token"]) === undefined || asNumber(value["logprob"]) === undefined)
    return false;
  const others = value["top_logprobs"];
  return others === undefined || others === null || (Array.isArray(others) && others.every(isToken));
}
