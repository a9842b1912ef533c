import { sendJson, type Behaviour } from "@trunkline/testkit";
import { answerFixture, startPair } from "../harness.ts";

/** A white pixel, and a page that says nothing: the smallest files vendors take. */
export const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";

export const weatherSchema = {
  type: "object",
  properties: { city: { type: "string" }, unit: { type: "string", enum: ["c", "f"] } },
  required: ["city", "unit"],
  additionalProperties: false,
} as const;

/** Answers fixtures, and fails for models named `status-…`. */
const behaviour: Behaviour = async (request, response) => {
  const status = /status-(\d+)/.exec(String(request.body["model"] ?? request.path))?.[1];
  if (status !== undefined) {
    const retry: Record<string, string> = status === "429" ? { "retry-after": "1" } : {};
    return sendJson(
      response,
      Number(status),
      { error: { message: `the upstream says ${status}`, type: "upstream", code: null } },
      retry,
    );
  }
  if (/hang/.test(String(request.body["model"] ?? request.path))) return;
  await answerFixture(request, response);
};

export const startSurface = () => startPair(behaviour);
