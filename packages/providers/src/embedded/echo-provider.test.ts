import { bodyOf, dialects } from "@trunkline/dialects";
import type { GatewayError, JsonObject, StreamEvent } from "@trunkline/contracts";
import { expect, test } from "vitest";
import { createEchoProvider } from "./echo-provider.ts";

type Heard = { events: StreamEvent[]; error: GatewayError | undefined };

/** What the echo says to a Chat request, as events. */
function hear(body: JsonObject): Promise<Heard> {
  const events: StreamEvent[] = [];
  const conversation = { ...dialects["openai-chat"].decodeRequest(body, "echo"), stream: true };
  return new Promise((resolve) => {
    createEchoProvider().start(
      {
        id: "r",
        operation: "generate",
        dialect: "openai-chat",
        model: "echo",
        requestedModel: "trunkline/echo",
        stream: true,
        body: bodyOf(body),
        batch: false,
        headers: {},
        keyId: "",
        session: undefined,
        priority: "normal",
        asEvents: false,
        conversation: () => conversation,
      },
      {
        head: () => {},
        data: () => {},
        event: (event) => events.push(event),
        completion: () => {},
        json: () => {},
        headers: () => {},
        degraded: () => {},
        status: () => {},
        done: () => resolve({ events, error: undefined }),
        fail: (error) => resolve({ events, error }),
      },
    );
  });
}

const say = (content: string, more: JsonObject = {}) => hear({ messages: [{ role: "user", content }], ...more });
const textOf = ({ events }: Heard) =>
  events.flatMap((event) => (event.type === "text-delta" ? [event.text] : [])).join("");
const tools = ["a", "b"].map((name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: { n: { type: "integer" }, s: { type: "string" } } } },
}));

test("it repeats what it was sent, word by word, and says its counts are estimates", async () => {
  const heard = await say("one two  three");
  expect(heard.events.filter(({ type }) => type === "text-delta")).toHaveLength(3);
  expect(textOf(heard)).toBe("one two  three");
  expect(heard.events.find(({ type }) => type === "usage")).toMatchObject({ usage: { estimated: true } });
});

test("it does what the prompt or the metadata tells it", async () => {
  expect(textOf(await say("/echo words=3"))).toBe("word1 word2 word3");
  expect(textOf(await say("x", { metadata: { echo: "words=2" } }))).toBe("word1 word2");
  const thinking = await say('Hi\n/echo think="Let me see"');
  expect(thinking.events.flatMap((event) => (event.type === "reasoning-delta" ? [event.text] : [])).join("")).toBe(
    "Let me see",
  );
  expect(textOf(thinking)).toBe("Hi");
  expect((await say("one two three four five\n/echo end=length")).events).toContainEqual({
    type: "finish",
    choice: 0,
    finish: { reason: "length" },
  });
  expect((await say("/echo end=early words=9")).error?.code).toBe("upstream_ended_early");
  expect((await say("/echo status=429")).error).toMatchObject({
    code: "upstream_rate_limited",
    details: { retryAfterMs: 1000 },
  });
  expect((await say("/echo status=418")).error?.code).toBe("upstream_rejected");
});

test("it calls the tools it is told to, with arguments that fit, and reads results back", async () => {
  const heard = await say("Zürich\n/echo tool=b,a", { tools });
  const calls = heard.events.filter((event) => event.type === "tool-input-start");
  expect(calls.map(({ name }) => name)).toEqual(["b", "a"]);
  const input = heard.events
    .flatMap((event) => (event.type === "tool-input-delta" && event.id === calls[0]!.id ? [event.delta] : []))
    .join("");
  expect(JSON.parse(input)).toEqual({ n: 0, s: "Zürich" });
  const history = [
    { role: "user", content: "x" },
    { role: "assistant", tool_calls: [{ id: "c", type: "function", function: { name: "a", arguments: "{}" } }] },
    { role: "tool", tool_call_id: "c", content: "42" },
  ];
  expect(textOf(await hear({ messages: history, tools, tool_choice: "required" }))).toBe("The tools answered: 42");
});

test("directives are bounded and nothing else is read from the text", async () => {
  expect(textOf(await say("say /echo words=5"))).toBe("say /echo words=5");
  expect((await say("/echo words=99999999")).events.filter(({ type }) => type === "text-delta").length).toBe(100_000);
});
