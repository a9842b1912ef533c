import type { StreamEvent } from "@trunkline/contracts";
import { expect, test } from "vitest";
import { dialects } from "./index.ts";

// What hostile or broken upstreams have been seen (or made) to send.

test("log probabilities that are none are left out, the rest goes on", () => {
  const good = { token: "a", logprob: -0.1, bytes: [97], top_logprobs: [{ token: "b", logprob: -2, bytes: null }] };
  const answer = dialects["openai-chat"].decodeResponse({
    choices: [
      {
        message: { content: "a" },
        logprobs: { content: [null, good, { token: 5 }, { ...good, top_logprobs: [null] }] },
      },
    ],
  });
  expect(answer.choices[0]!.logprobs).toEqual([good]);
});

test("a part that is not what it says is the upstream's error, and ends the stream", () => {
  const events: StreamEvent[] = [];
  const decoder = dialects.gemini.createStreamDecoder();
  const emit = (event: StreamEvent) => events.push(event);
  decoder.event("", '{"candidates":[{"content":{"parts":[{"functionCall":[]}]}}]}', emit);
  decoder.event("", '{"candidates":[{"content":{"parts":[{"text":"late"}]},"finishReason":"STOP"}]}', emit);
  decoder.close(emit);
  expect(events.filter(({ type }) => type === "error")).toMatchObject([{ error: { code: "upstream_bad_response" } }]);
  expect(events.at(-1)!.type).toBe("error");
});

test.each(Object.values(dialects))("$name: an event that is no JSON is one error, never a throw", (dialect) => {
  const events: StreamEvent[] = [];
  const decoder = dialect.createStreamDecoder();
  for (const data of ["{", "null", "[]", '"text"']) decoder.event("x", data, (event) => events.push(event));
  decoder.close((event) => events.push(event));
  expect(events).toMatchObject([{ type: "error", error: { code: "upstream_bad_response" } }]);
});

test("a data URL with stray percent signs is read as it stands", () => {
  const content = [{ type: "image_url", image_url: { url: "data:text/plain,100%" } }];
  const conversation = dialects["openai-chat"].decodeRequest({ model: "m", messages: [{ role: "user", content }] });
  expect(conversation.messages[0]!.content).toMatchObject([
    { source: { data: Buffer.from("100%").toString("base64") } },
  ]);
});
