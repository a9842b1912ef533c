import { writeFileSync } from "node:fs";
import { asNumber, asObject, asString, newId, usageOf } from "@trunkline/contracts";
import { fullInstructions, transcriptOf } from "../conversation/transcript.ts";
import type { Seat, Thread } from "../driver.ts";
import { programError } from "../failure/program-error.ts";
import { createOneShotThread, emptyAnswer, type AnswerParts, type OutputReader } from "../one-shot-thread.ts";
import { childEnvironment } from "../../shared/child-environment.ts";
import { createEventParser } from "../process/parse-events.ts";
import type { ChildEnd } from "../process/spawn-child.ts";
import { accountEnvironment, instructionsFile, prepareFiles } from "./account.ts";
import { streamArguments } from "./flags.ts";

export const title = "Gemini CLI";

/** Exit codes that say what went wrong, as the status they stand for. */
const exitStatuses: Readonly<Record<number, number>> = { 41: 401, 42: 400, 53: 400 };

/** A vendor's status comes out as the exit code, without its upper half: 400 as 144, 503 as 247. */
function statusOf(code: number | null): number | undefined {
  if (code === null) return undefined;
  return (
    exitStatuses[code] ?? [400, 401, 403, 404, 408, 429, 500, 502, 503, 504].find((status) => status % 256 === code)
  );
}

/** The one-shot way, for versions without the Agent Client Protocol. */
export function createStreamThread(seat: Seat, model: string, forget: (sessionId: string) => Promise<void>): Thread {
  let sessionId = "";
  const thread = createOneShotThread({
    seat,
    title,
    launch({ conversation }) {
      const { prompt, degraded, files } = transcriptOf(conversation, 0);
      const instructions = fullInstructions(conversation);
      return {
        args: streamArguments(model),
        environment: childEnvironment(seat.environment, seat.account.home, accountEnvironment(seat.account)),
        // This way of asking puts files named by an @ into the prompt, wherever it stands.
        input: prompt.replace(/(?<!\w)@/g, String.raw`\@`),
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
  let problem: string | undefined;
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
          if (event["status"] !== "success") {
            // Which failure it was is told by the exit code, which is on its way.
            problem = asString(asObject(event["error"])?.["message"]) ?? "";
            return;
          }
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
      const status = statusOf(code);
      if (problem !== undefined) fail(failure(problem, status));
      else if (status !== undefined) fail(failure(stderr.slice(-2000), status));
      else if (code === 0) fail(emptyAnswer(title));
    },
  };
}
