import {
  asNumber,
  asObject,
  asString,
  GatewayError,
  newId,
  usageOf,
  type JsonObject,
  type JsonValue,
} from "@trunkline/contracts";
import type { Seat } from "../driver.ts";
import { programError } from "../failure/program-error.ts";
import { emptyAnswer, type AnswerParts, type OutputReader } from "../one-shot-thread.ts";
import { createEventParser, stripAnsi } from "../process/parse-events.ts";
import type { EventRule } from "./program-config.ts";

function at(event: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = event;
  for (const name of path.split(".")) value = Array.isArray(value) ? value[Number(name)] : asObject(value)?.[name];
  return value;
}

function applies({ when }: EventRule, event: JsonObject): boolean {
  return Object.entries(when).every(([path, value]) => at(event, path) === value);
}

export type ReadOptions = { readonly seat: Seat; readonly title: string; readonly model: string };

/** Whatever the program writes is the answer, line by line; the exit code says whether it worked. */
export function readText({ emit, done, fail }: AnswerParts, { title, model }: ReadOptions): OutputReader {
  let said = false;
  return {
    line(line) {
      if (!said) {
        emit({ type: "start", id: newId("cli_"), model, created: 0 });
        emit({ type: "text-start", choice: 0, id: "text" });
      }
      emit({ type: "text-delta", choice: 0, id: "text", text: `${said ? "\n" : ""}${stripAnsi(line)}` });
      said = true;
    },
    end({ code }) {
      // What went wrong is on its standard error, which the caller reads.
      if (code !== 0) return;
      if (!said) return fail(emptyAnswer(title));
      emit({ type: "text-end", choice: 0, id: "text" });
      emit({ type: "finish", choice: 0, finish: { reason: "stop" } });
      emit({ type: "end" });
      done();
    },
  };
}

/** Events, read by the operator's rules. Without a rule that ends the answer, the end of the output does. */
export function readEvents(
  { emit, done, fail }: AnswerParts,
  rules: readonly EventRule[],
  { seat, title, model }: ReadOptions,
): OutputReader {
  const endsByRule = rules.some(({ end }) => end === true);
  const counts: { inputTokens?: number; outputTokens?: number; cacheReadTokens?: number } = {};
  let open: "text" | "reasoning" | undefined;
  let said = false;
  let started = false;

  function piece(kind: "text" | "reasoning", value: JsonValue | undefined): void {
    const text = asString(value);
    if (!text) return;
    if (!started) emit({ type: "start", id: newId("cli_"), model, created: 0 });
    started = true;
    if (open !== kind) {
      if (open) emit({ type: `${open}-end`, choice: 0, id: open });
      emit({ type: `${kind}-start`, choice: 0, id: kind });
      open = kind;
    }
    said ||= kind === "text";
    emit({ type: `${kind}-delta`, choice: 0, id: kind, text });
  }

  function finish(): void {
    if (!said) return fail(emptyAnswer(title));
    if (open) emit({ type: `${open}-end`, choice: 0, id: open });
    emit({ type: "finish", choice: 0, finish: { reason: "stop" } });
    if (counts.inputTokens !== undefined || counts.outputTokens !== undefined)
      emit({ type: "usage", usage: usageOf(counts) });
    emit({ type: "end" });
    done();
  }

  function count(name: keyof typeof counts, event: JsonObject, path: string | undefined): void {
    const value = path === undefined ? undefined : asNumber(at(event, path));
    if (value !== undefined) counts[name] = value;
  }

  const parser = createEventParser(
    (event) => {
      for (const rule of rules) {
        if (!applies(rule, event)) continue;
        count("inputTokens", event, rule.inputTokens);
        count("outputTokens", event, rule.outputTokens);
        count("cacheReadTokens", event, rule.cachedTokens);
        if (rule.reasoning !== undefined) piece("reasoning", at(event, rule.reasoning));
        if (rule.text !== undefined) piece("text", at(event, rule.text));
        if (rule.error !== undefined) {
          const text = asString(at(event, rule.error)) ?? "";
          const secrets = Object.values(seat.account.environment);
          return fail(programError({ provider: seat.provider, program: title, text, secrets, now: seat.now() }));
        }
        if (rule.end === true) return finish();
      }
    },
    () => {},
  );
  return {
    line: (line) => parser.line(line),
    end({ code }) {
      if (code !== 0) return;
      if (endsByRule) fail(new GatewayError("upstream_ended_early", `${title} ended before its answer was complete.`));
      else finish();
    },
  };
}
