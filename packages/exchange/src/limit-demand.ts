import { asNumber, asObject } from "@trunkline/contracts";
import type { LimitDemand } from "@trunkline/policies";
import type { RequestBody } from "@trunkline/dialects";
import type { Course } from "./course.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import type { Candidate } from "./routing/plan.ts";
import type { ExchangeRuntime } from "./runtime.ts";

/** Tokens of an answer to a request that does not say how long it may become. */
const usualOutputTokens = 4096;

/** Where the dialects say how long an answer may become. */
const limitMembers = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

function outputTokens(body: RequestBody): number {
  for (const name of limitMembers) {
    const limit = asNumber(body.member(name));
    if (limit !== undefined && limit > 0) return limit;
  }
  const limit = asNumber(asObject(body.member("generationConfig"))?.["maxOutputTokens"]);
  return limit !== undefined && limit > 0 ? limit : usualOutputTokens;
}

/** What a request may come to at a target, before anybody knows. */
export function demandOf(runtime: ExchangeRuntime, course: Course, { target }: Candidate): LimitDemand {
  const { incoming, context } = course;
  const input = estimateTokens(incoming.body.bytes.length);
  const output = incoming.operation === "generate" ? outputTokens(incoming.body) : 0;
  return {
    dialect: incoming.dialect,
    key: context.key,
    provider: target.provider.name,
    model: target.model,
    inputTokens: input,
    outputTokens: output,
    cost: () => runtime.price(target, { input, output }) ?? 0,
    answerHeaders: context.answerHeaders,
    now: incoming.receivedAt,
  };
}
