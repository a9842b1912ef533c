import type { JsonObject } from "@trunkline/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bodyOf, RequestBody } from "./request-body.ts";

/** Text that is hard to find the end of: quotes and backslashes, few or many, near the start and far. */
const tricky = fc
  .array(fc.constantFrom('"', "\\", "\\\\", '\\"', "a", "é", "🚄", "\n", "x".repeat(40)), { maxLength: 12 })
  .map((parts) => parts.join(""));
const value = fc.oneof(
  tricky,
  fc.jsonValue({ maxDepth: 3, stringUnit: "binary" }),
  fc.integer(),
  fc.constantFrom(null, true, [], {}),
);
const members = fc.dictionary(
  fc.oneof(fc.constantFrom("model", "stream", "messages"), fc.string({ minLength: 1 })),
  value,
  { noNullPrototype: true },
);
/** More than a body that is parsed at once. */
const padding = "p".repeat(20_000);

test.each([
  ["small", ""],
  ["large", padding],
])(
  "%s bodies: every member is what JSON says it is, with spaces or without, and setting some changes only those",
  (_name, pad) => {
    fc.assert(
      fc.property(members, fc.constantFrom(undefined, 2), (given, indent) => {
        const text = JSON.stringify({ ...given, pad }, null, indent);
        const wanted = JSON.parse(text) as JsonObject;
        fc.pre(!text.includes("__proto__"));
        const body = new RequestBody(Buffer.from(text));
        for (const name of [...Object.keys(wanted), "absent"]) expect(body.member(name)).toEqual(wanted[name]);
        const changed = JSON.parse(body.with({ model: "other", added: { a: 1 } }).toString()) as JsonObject;
        expect(changed).toEqual({ ...wanted, model: "other", added: { a: 1 } });
        expect(body.whole()).toEqual(wanted);
      }),
      { seed: 3, numRuns: 500 },
    );
  },
);

test.each([
  ["twice", `{"model":"a","model":"b","pad":"${padding}"}`],
  ["with escapes", `{"model":"a","mod\\u0065l":"b","pad":"${padding}"}`],
])("a name given %s counts as JSON says, and goes on in one way only", (_name, text) => {
  const body = new RequestBody(Buffer.from(text));
  expect(body.member("model")).toBe("b");
  expect(body.bytes.toString()).toBe(JSON.stringify({ model: "b", pad: padding }));
  expect(body.with({ model: "c" }).toString()).toBe(JSON.stringify({ model: "c", pad: padding }));
});

test.each([
  "",
  "  ",
  "[]",
  '"x"',
  "null",
  "{",
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{"a":1}x',
  "{'a':1}",
  '{"a":1 "b":2}',
  "{,}",
  "\uFEFF{}",
])("%j is refused", (text) => {
  expect(() => new RequestBody(Buffer.from(text))).toThrow(expect.objectContaining({ code: "invalid_json" }) as Error);
  const large = text.replace(/^\{/, `{"pad":"${padding}",`);
  if (large !== text && large.length > text.length) expect(() => new RequestBody(Buffer.from(large)).whole()).toThrow();
});

test("no member named __proto__ comes through, however it is written", () => {
  for (const name of ["__proto__", "\\u005f_proto__", "__prot\\u006f__"]) {
    const body = new RequestBody(Buffer.from(`{"a":{"${name}":{"polluted":true}},"b":1}`));
    expect(Object.keys(body.whole()["a"] as object)).toEqual([]);
  }
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test("a large body is searched, not parsed: what nobody asks for is the upstream's to judge", () => {
  const far = '\\"'.repeat(30) + "x".repeat(100) + '\\"\\\\';
  const text = `{"far":"${far}","messages":[no JSON at all],"pad":"${padding}","model":"m"}`;
  const body = new RequestBody(Buffer.from(text));
  expect(body.member("model")).toBe("m");
  expect(body.member("far")).toBe(JSON.parse(`"${far}"`));
  expect(body.bytes.toString()).toBe(text);
  expect(() => body.member("messages")).toThrow(expect.objectContaining({ code: "invalid_json" }) as Error);
  expect(() => body.whole()).toThrow(expect.objectContaining({ code: "invalid_json" }) as Error);
});

test("nesting as deep as it likes is only counted", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const body = new RequestBody(Buffer.from(`{"model":"m","messages":${deep}}`));
  expect(body.member("model")).toBe("m");
  expect(bodyOf({ a: 1 }).member("a")).toBe(1);
});
