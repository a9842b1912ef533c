import { dialects } from "@trunkline/dialects";
import type { DialectName } from "@trunkline/contracts";
import { fixtures } from "@trunkline/testkit";
import { describe, expect, test } from "vitest";
import { createThroughFilter, type ThroughOptions } from "./through-filter.ts";

const names = Object.keys(dialects) as DialectName[];

function through(text: string, size: number, options: Partial<ThroughOptions> & Pick<ThroughOptions, "dialect">) {
  const filter = createThroughFilter({
    stream: true,
    asJsonArray: false,
    withholdUsage: false,
    renameModel: undefined,
    ...options,
  });
  const bytes = Buffer.from(text);
  const out: Buffer[] = [];
  for (let from = 0; from < bytes.length; from += size)
    out.push(Buffer.from(filter.push(bytes.subarray(from, from + size))));
  const { rest, tap } = filter.end();
  return { out: Buffer.concat([...out, Buffer.from(rest)]).toString(), tap, filter };
}

describe.each(names)("%s", (name) => {
  const dialect = dialects[name];
  test.each([1, 3, 64, 1000, 1_000_000])(
    "pieces of %i bytes: every byte goes on, usage and the end are seen",
    (size) => {
      for (const wanted of ["text", "tools", "length", "reasoning"] as const) {
        const { out, tap } = through(fixtures[name][wanted].sse, size, { dialect });
        expect(out).toBe(fixtures[name][wanted].sse);
        const whole = dialect.readResponse(fixtures[name][wanted].json);
        expect(tap.complete).toBe(true);
        expect(tap.usage).toEqual(whole.usage);
        expect(tap.finishReason).toBe(whole.finishReason);
      }
    },
  );

  test("a stream cut off is not complete", () => {
    const { sse } = fixtures[name].text;
    expect(through(sse.slice(0, sse.length / 2), 50, { dialect }).tap.complete).toBe(false);
  });
});

describe("openai-chat", () => {
  const dialect = dialects["openai-chat"];
  const { sse } = fixtures["openai-chat"].text;
  const usageChunk = /data: \{[^\n]*"choices":\[\][^\n]*\n\n/;

  test.each([1, 7, 500, 1_000_000])("the usage chunk is withheld in pieces of %i bytes, and nothing else", (size) => {
    const { out, tap } = through(sse, size, { dialect, withholdUsage: true });
    expect(out).toBe(sse.replace(usageChunk, ""));
    expect(tap.usage?.inputTokens).toBe(1200);
  });

  test("the model's name is put right in every chunk", () => {
    const { out } = through(sse, 33, { dialect, renameModel: "mine" });
    expect(out).toBe(sse.replaceAll("gpt-4o-2024-08-06", "mine"));
  });

  test("events nobody looks into are counted all the same", () => {
    const many = `${Array.from({ length: 100 }, () => `data: {"id":"c","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n`).join("")}`;
    expect(through(many, 200, { dialect }).filter.events()).toBeGreaterThan(90);
  });
});

test("a whole answer leaves in one piece, a very large one as it comes", () => {
  const dialect = dialects["openai-chat"];
  const { json } = fixtures["openai-chat"].text;
  const whole = createThroughFilter({
    dialect,
    stream: false,
    asJsonArray: false,
    withholdUsage: true,
    renameModel: undefined,
  });
  expect(whole.push(Buffer.from(JSON.stringify(json)))).toBe("");
  expect(whole.end().rest.toString()).toBe(JSON.stringify(json));
  const large = createThroughFilter({
    dialect,
    stream: false,
    asJsonArray: false,
    withholdUsage: true,
    renameModel: undefined,
  });
  const text = Buffer.from(JSON.stringify({ ...json, padding: "x".repeat(3_000_000) }));
  const out: Buffer[] = [];
  for (let from = 0; from < text.length; from += 65_536)
    out.push(Buffer.from(large.push(text.subarray(from, from + 65_536))));
  const { rest, tap } = large.end();
  expect(rest.length).toBe(0);
  expect(Buffer.concat(out).equals(text)).toBe(true);
  expect(tap.usage?.inputTokens).toBe(1200);
});
