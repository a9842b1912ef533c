import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { asObject, asString, newId } from "@trunkline/contracts";
import { transcriptOf, withInstructions } from "../conversation/transcript.ts";
import type { Seat, Thread } from "../driver.ts";
import { createOneShotThread, emptyAnswer, type AnswerParts, type OutputReader } from "../one-shot-thread.ts";
import { childEnvironment } from "../../shared/child-environment.ts";
import { createEventParser } from "../process/parse-events.ts";
import { accountEnvironment } from "./account.ts";
import { failureOfTurn, title } from "./failures.ts";
import { execArguments } from "./flags.ts";
import { usageOfCounts } from "./usage.ts";

/** The program's one-shot way, for versions whose server does not tell enough. Its messages come whole, without deltas. */
export function createExecThread(seat: Seat, model: string): Thread {
  return createOneShotThread({
    seat,
    title,
    launch({ conversation }) {
      const { prompt, degraded } = transcriptOf(conversation, 0);
      const { settings } = conversation;
      const schema = settings.responseFormat?.type === "json-schema" ? settings.responseFormat.schema : undefined;
      // The folder is known once the process runs; before that, paths are relative to where it will.
      return {
        args: execArguments(model, settings.reasoning?.effort, schema ? "../tmp/schema.json" : undefined),
        environment: childEnvironment(seat.environment, seat.account.home, accountEnvironment(seat.account)),
        input: withInstructions(conversation, prompt),
        degraded,
        prepare(scratch) {
          if (schema) writeFileSync(join(scratch, "schema.json"), JSON.stringify(schema));
          return {};
        },
      };
    },
    read: (parts) => readExec(parts, seat, model),
  });
}

/** `exec --json`: an item of type `error` is a warning; what ended the turn is `turn.completed` or `turn.failed`. */
function readExec({ emit, done, fail }: AnswerParts, seat: Seat, model: string): OutputReader {
  let said = false;
  let failed = "";
  const parser = createEventParser(
    (event) => {
      const item = asObject(event["item"]) ?? {};
      const id = asString(item["id"]) ?? "item";
      const text = asString(item["text"]) ?? "";
      switch (event["type"]) {
        case "turn.started":
          return emit({ type: "start", id: newId("codex_"), model, created: 0 });
        case "item.completed":
          if (item["type"] === "reasoning") {
            emit({ type: "reasoning-start", choice: 0, id });
            emit({ type: "reasoning-delta", choice: 0, id, text });
            emit({ type: "reasoning-end", choice: 0, id });
          } else if (item["type"] === "agent_message") {
            said ||= text !== "";
            emit({ type: "text-start", choice: 0, id });
            emit({ type: "text-delta", choice: 0, id, text });
            emit({ type: "text-end", choice: 0, id });
          }
          return;
        case "error": {
          failed = asString(event["message"]) ?? "";
          const error = failureOfTurn({ message: failed }, seat, undefined);
          // "Reconnecting… 1/5": what no retry mends ends the turn at once.
          if (error.code === "account_signed_out") fail(error);
          return;
        }
        case "turn.failed":
          return fail(
            failureOfTurn({ message: asString(asObject(event["error"])?.["message"]) ?? failed }, seat, undefined),
          );
        case "turn.completed":
          if (!said) return fail(emptyAnswer(title));
          emit({ type: "finish", choice: 0, finish: { reason: "stop", native: "completed" } });
          emit({ type: "usage", usage: usageOfCounts(asObject(event["usage"]) ?? {}) });
          emit({ type: "end" });
          return done();
      }
    },
    () => {},
  );
  return {
    line: (line) => parser.line(line),
    end(end) {
      if (failed !== "") fail(failureOfTurn({ message: failed }, seat, undefined));
      else if (end.code === 0) fail(emptyAnswer(title));
    },
  };
}
