import { writeFileSync } from "node:fs";
import { asNumber, asObject, asString, newId, usageOf } from "@trunkline/contracts";
import { toolInstructions } from "../conversation/envelope.ts";
import { transcriptOf } from "../conversation/transcript.ts";
import type { Seat, Thread } from "../driver.ts";
import { programError } from "../failure/program-error.ts";
import { createOneShotThread, emptyAnswer, type AnswerParts, type OutputReader } from "../one-shot-thread.ts";
import { childEnvironment } from "../process/environment.ts";
import { createEventParser } from "../process/parse-events.ts";
import type { ChildEnd } from "../process/spawn-child.ts";
import { accountEnvironment, instructionsFile, prepareFiles } from "./account.ts";
import { streamArguments } from "./flags.ts";

export const title = "Gemini CLI";

/** Exit codes that say what went wrong, as the status they stand for. */
const exitStatuses: Readonly<Record<number, number>> = { 41: 401, 42: 400, 53: 400 };

/** The one-shot way, for versions without the Agent Client Protocol. */
export function createStreamThread(seat: Seat, model: string, forget: (sessionId: string) => Promise<void>): Thread {
  let sessionId = "";
  const thread = createOneShotThread({
    seat,
    title,
    launch({ conversation }) {
      const { system, prompt, degraded, files } = transcriptOf(conversation, 0);
      const instructions = [system, toolInstructions(conversation)].filter(Boolean).join("\n\n");
      return {
        args: streamArguments(model),
        environment: childEnvironment(seat.environment, seat.account.home, accountEnvironment(seat.account)),
        input: prompt,
        degraded: files.length > 0 ? [...degraded, "messages.file"] : degraded,
        prepare(scratch) {
          const named = prepareFiles(seat.account, scratch);
          if (instructions !== "") writeFileSync(instructionsFile(scratch), instructions);
          return named;
        },
      };
    },
    read: (parts) => readStream(parts, seat, model, (id) => (sessionId = id)),
  });
  return {
    ...thread,
    async close() {
      await thread.close();
      await forget(sessionId);
    },
  };
}

function readStream(
  { emit, done, fail }: AnswerParts,
  seat: Seat,
  model: string,
  onSession: (id: string) => void,
): OutputReader {
  let said = false;
  const failure = (text: string, status?: number) =>
    programError({
      provider: seat.provider,
      program: title,
      status,
      text: text.replace(/^\[API Error: (.*?)\]/s, "$1"),
      secrets: Object.values(seat.account.environment),
      now: seat.now(),
    });
  const parser = createEventParser(
    (event) => {
      switch (event["type"]) {
        case "init":
          onSession(asString(event["session_id"]) ?? "");
          return emit({ type: "start", id: newId("gemini_"), model, created: 0 });
        case "message": {
          const text = asString(event["content"]) ?? "";
          if (event["role"] !== "assistant" || text === "") return;
          if (!said) emit({ type: "text-start", choice: 0, id: "text" });
          said = true;
          return emit({ type: "text-delta", choice: 0, id: "text", text });
        }
        case "result": {
          const stats = asObject(event["stats"]) ?? {};
          if (event["status"] !== "success")
            return fail(failure(asString(asObject(event["error"])?.["message"]) ?? ""));
          if (!said) return fail(emptyAnswer(title));
          emit({ type: "text-end", choice: 0, id: "text" });
          emit({ type: "finish", choice: 0, finish: { reason: "stop", native: "success" } });
          const usage = usageOf({
            inputTokens: asNumber(stats["input_tokens"]) ?? 0,
            outputTokens: asNumber(stats["output_tokens"]) ?? 0,
            cacheReadTokens: asNumber(stats["cached"]) ?? 0,
          });
          emit({ type: "usage", usage });
          emit({ type: "end" });
          return done();
        }
      }
    },
    () => {},
  );
  return {
    line: (line) => parser.line(line),
    end({ code, stderr }: ChildEnd) {
      const status = exitStatuses[code ?? 0];
      if (status !== undefined) fail(failure(stderr.slice(-2000), status));
      else if (code === 0) fail(emptyAnswer(title));
    },
  };
}
