import type { Completion, DialectName } from "@trunkline/contracts";
import { createCollector, createSseParser, dialects } from "@trunkline/dialects";
import { caseNames, expected, fixtures, type Expected, type FakeUpstream } from "@trunkline/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { said } from "./read-answer.ts";
import { providerOf, requestFor, startPair, type TestGateway } from "./harness.ts";

const names = Object.keys(dialects) as DialectName[];
let gateway: TestGateway;
let upstream: FakeUpstream;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ gateway, upstream, close } = await startPair());
});
afterAll(() => close());

/** Decodes a stream split into pieces of `size` bytes, and checks that it ended as its dialect ends. */
function collect(dialect: DialectName, bytes: Buffer, size: number): Completion {
  const collector = createCollector();
  const decoder = dialects[dialect].createStreamDecoder();
  let ended = false;
  const emit = (event: Parameters<typeof collector.add>[0]) => {
    if (event.type === "end") ended = true;
    collector.add(event);
  };
  const parser = createSseParser((name, data) => decoder.event(name, data, emit));
  for (let from = 0; from < bytes.length; from += size) parser.push(bytes.subarray(from, from + size));
  decoder.close(emit);
  expect(collector.error).toBeUndefined();
  expect(ended).toBe(true);
  return collector.completion();
}

/** Anthropic's dialect has no count of its own for thoughts. */
function adjusted(wanted: Expected, client: DialectName, upstreamDialect: DialectName): Expected {
  const lost = client === "anthropic-messages" && upstreamDialect !== "anthropic-messages";
  return lost ? { ...wanted, reasoningTokens: 0 } : wanted;
}

describe.each(names)("client speaks %s", (client) => {
  describe.each(names)("upstream speaks %s", (server) => {
    test.each(caseNames)("%s, whole", async (name) => {
      const { path, body } = requestFor(client, `${providerOf[server]}/case-${name}`, "Hello", false);
      const response = await gateway.post(path, body);
      const json = (await response.json()) as never;
      expect(response.status).toBe(200);
      expect(said(dialects[client].decodeResponse(json))).toEqual(adjusted(expected[name], client, server));
    });

    test.each(caseNames)("%s, streamed", async (name) => {
      const { path, body } = requestFor(client, `${providerOf[server]}/case-${name}`, "Hello", true);
      const response = await gateway.post(path, body);
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
      for (const size of [1, 7, bytes.length])
        expect(said(collect(client, bytes, size))).toEqual(adjusted(expected[name], client, server));
    });
  });

  test("its own dialect upstream passes byte for byte", async () => {
    const sent = requestFor(client, `${providerOf[client]}-case-tools`, "Hello", true);
    const response = await gateway.post(sent.path, sent.body);
    expect(await response.text()).toBe(fixtures[client]["tools"].sse);
    const forwarded = upstream.received.at(-1)!;
    expect(
      forwarded.headers.authorization ?? forwarded.headers["x-api-key"] ?? forwarded.headers["x-goog-api-key"],
    ).toMatch(/up-/);
    expect(JSON.stringify(forwarded.headers)).not.toContain(gateway.key);
    expect(forwarded.body).toEqual(sent.body);
  });
});

describe("Gemini's stream as a JSON array", () => {
  const ask = async (provider: string) => {
    const response = await gateway.post(`/v1beta/models/${provider}/case-tools:streamGenerateContent`, {
      contents: [{ parts: [{ text: "Hello" }] }],
    });
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    return (await response.json()) as { candidates: { finishReason?: string }[] }[];
  };

  test.each(Object.values(providerOf))("over %s", async (provider) => {
    const chunks = await ask(provider);
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.at(-1)!.candidates[0]!.finishReason).toBe("STOP");
    expect(JSON.stringify(chunks)).toContain("get_weather");
  });
});
