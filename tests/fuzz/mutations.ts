import { asArray, isObject, type JsonValue } from "@trunkline/contracts";
import fc from "fast-check";

/** JSON values that have broken parsers before. */
const nasty: readonly JsonValue[] = [
  null,
  true,
  0,
  -1,
  -0.5,
  1e308,
  9_007_199_254_740_992,
  "",
  "\u0000",
  "\ud800",
  "NaN",
  "__proto__",
  "constructor",
  "a".repeat(5000),
  [],
  {},
  [null],
  [[]],
  [{}],
  { type: null },
  { type: "no-such-type" },
  { type: "text" },
  { constructor: { prototype: { polluted: true } } },
];

export const anyJson: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...nasty) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue> },
);

type Change = { readonly path: readonly number[]; readonly kind: number; readonly value: JsonValue };

const change: fc.Arbitrary<Change> = fc.record({
  path: fc.array(fc.nat(30), { maxLength: 7 }),
  kind: fc.nat(5),
  value: anyJson,
});

/** Walks down by numbers, each choosing a member of what stands there, and changes what it comes to. */
function apply(value: JsonValue, { path, kind, value: put }: Change, depth = 0): JsonValue {
  const isLeaf = typeof value !== "object" || value === null || Object.keys(value).length === 0;
  if (depth === path.length || isLeaf) return put;
  const keys = Object.keys(value);
  const key = keys[path[depth]! % keys.length]!;
  const isLast = depth === path.length - 1;
  if (Array.isArray(value)) {
    const copy = [...value];
    const at = Number(key);
    if (isLast && kind === 1) copy.splice(at, 1);
    else if (isLast && kind === 2) copy.splice(at, 0, copy[at]!);
    else if (isLast && kind === 3) copy.reverse();
    else copy[at] = apply(copy[at]!, { path, kind, value: put }, depth + 1);
    return copy;
  }
  const copy = { ...value };
  if (isLast && kind === 1) delete copy[key];
  else if (isLast && kind === 2) copy[`${key}_`] = copy[key];
  else if (isLast && kind === 3)
    Object.defineProperty(copy, "__proto__", { value: put, enumerable: true, configurable: true, writable: true });
  else copy[key] = apply(copy[key] ?? null, { path, kind, value: put }, depth + 1);
  return copy;
}

/** A value with up to five changes, each somewhere in it. */
export function mutated(value: JsonValue): fc.Arbitrary<JsonValue> {
  return fc
    .array(change, { minLength: 1, maxLength: 5 })
    .map((changes) => changes.reduce((now, one) => apply(now, one), value));
}

/** A stream's text with its events cut, doubled, swapped, emptied or changed inside. */
export function mutatedStream(text: string): fc.Arbitrary<string> {
  const events = text.split(/(?<=\r?\n\r?\n)/);
  const step = fc.record({
    at: fc.nat(1000),
    to: fc.nat(1000),
    kind: fc.nat(9),
    change,
    text: fc.string({ unit: "binary", maxLength: 20 }),
  });
  return fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => {
    const now = [...events];
    for (const { at, to, kind, change: inside, text: junk } of steps) {
      const index = at % Math.max(1, now.length);
      const event = now[index] ?? "";
      if (kind === 0) now.splice(index, 1);
      else if (kind === 1) now.splice(index, 0, event);
      else if (kind === 2) [now[index], now[to % now.length]] = [now[to % now.length]!, event];
      else if (kind === 3) now[index] = event.slice(0, to % (event.length + 1));
      else if (kind === 4) now[index] = event.replaceAll("\n", "\r");
      else if (kind === 5) now[index] = junk + event;
      else if (kind === 6) now.splice(index);
      else now[index] = changedInside(event, inside);
    }
    return now.join("");
  });
}

function changedInside(event: string, inside: Change): string {
  return event.replace(/^data: ?(.*)$/m, (whole, data: string) => {
    try {
      return `data: ${JSON.stringify(apply(JSON.parse(data) as JsonValue, inside))}`;
    } catch {
      return whole;
    }
  });
}

/** Objects and arrays only: the rest of what JSON has is refused before a decoder sees it. */
export function isBody(value: JsonValue): value is { [key: string]: JsonValue } {
  return isObject(value) && asArray(value).length === 0;
}
