import type { JsonObject } from "@trunkline/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createEventParser } from "./parse-events.ts";
import { createLineReader } from "./read-lines.ts";

function parse(lines: readonly string[]): { events: JsonObject[]; noise: string[] } {
  const events: JsonObject[] = [];
  const noise: string[] = [];
  const parser = createEventParser(
    (event) => events.push(event),
    (line) => noise.push(line),
  );
  for (const line of lines) parser.line(line);
  return { events, noise };
}

const outer = { type: "assistant", message: { text: 'with "quotes" and {braces}' } };
const inner = { type: "rate_limit_event", rate_limit_info: { status: "allowed" } };

describe("events out of a program's lines", () => {
  test("an event spliced into another at every place", () => {
    const text = JSON.stringify(outer);
    for (let at = 1; at < text.length; at++) {
      const spliced = text.slice(0, at) + JSON.stringify(inner) + text.slice(at);
      // Inside a string the whole is still JSON: nobody can tell.
      let isWhole = true;
      try {
        JSON.parse(spliced);
      } catch {
        isWhole = false;
      }
      if (!isWhole) expect(parse([spliced]).events).toEqual([inner, outer]);
    }
  });

  test("an event spliced in with its line feed", () => {
    const text = JSON.stringify(outer);
    const { events } = parse([text.slice(0, 20) + JSON.stringify(inner), text.slice(20)]);
    expect(events).toEqual([inner, outer]);
  });

  test("what is lost of a broken line does not take the next with it", () => {
    const { events, noise } = parse([`{"type":"assis${JSON.stringify(inner)}`, JSON.stringify(outer)]);
    expect(events).toEqual([inner, outer]);
    expect(noise).toEqual(['{"type":"assis']);
  });

  test("escape sequences and words before an event", () => {
    const { events, noise } = parse([
      `\u001b[2Kwarming up \u001b[1m${JSON.stringify(inner)}\u001b[0m`,
      "no event at all",
    ]);
    expect(events).toEqual([inner]);
    expect(noise).toEqual(["warming up ", "no event at all"]);
  });

  test("anything at all: it neither throws nor takes long", () => {
    fc.assert(fc.property(fc.array(fc.string({ maxLength: 200 })), (lines) => void parse(lines)));
    parse([`{"a":`.repeat(20_000), `{"`.repeat(100_000)]);
  });
});

describe("lines out of bytes", () => {
  test("whatever the pieces", () => {
    const text = 'one\r\n{"zwei":"ü東🚄"}\n\n  \nlast';
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size++) {
      const lines: string[] = [];
      const reader = createLineReader((line) => lines.push(line), { line: 100, onTooLong: () => {} });
      for (let from = 0; from < bytes.length; from += size) reader.push(bytes.subarray(from, from + size));
      reader.end();
      expect(lines).toEqual(["one", '{"zwei":"ü東🚄"}', "last"]);
    }
  });

  test("a line that never ends is told of once, and nothing of it is kept", () => {
    let told = 0;
    const lines: string[] = [];
    const reader = createLineReader((line) => lines.push(line), { line: 10, onTooLong: () => told++ });
    for (let count = 0; count < 5; count++) reader.push(Buffer.from("xxxxx"));
    reader.push(Buffer.from("\nnext\n"));
    reader.end();
    expect(told).toBe(1);
    expect(lines).toEqual([]);
  });
});
