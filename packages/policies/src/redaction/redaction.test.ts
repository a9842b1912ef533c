import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DialectName, StreamEvent } from "@trunkline/contracts";
import { createCollector, createSseParser, dialects } from "@trunkline/dialects";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadFindSecrets, type FindSecrets } from "./find-secrets.ts";
import { createAnswerRedaction } from "./redact-answer.ts";
import { createRedactor, redactText, replacement } from "./redact-text.ts";

let find: FindSecrets;
beforeAll(async () => {
  find = await loadFindSecrets();
});

/** Text that looks random and is the same in every run. */
function noise(length: number, alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"): string {
  let seed = length * 7919 + alphabet.length;
  return Array.from({ length }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return alphabet[seed % alphabet.length];
  }).join("");
}

const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
// Put together here, so that no file of ours holds one.
const secrets: Readonly<Record<string, string>> = {
  anthropic: `sk-ant-api03-${noise(93)}AA`,
  "anthropic log-in": `sk-ant-oat01-${noise(90)}`,
  openai: `sk-proj-${noise(74)}T3BlbkFJ${noise(74)}`,
  "openai, old": `sk-${noise(20)}T3BlbkFJ${noise(20)}`,
  "another vendor's": `sk-or-v1-${noise(64, "0123456789abcdef")}`,
  google: `AIza${noise(35)}`,
  "aws id": `AKIA${noise(16, upper)}`,
  github: `ghp_${noise(36)}`,
  "github, fine": `github_pat_${noise(22)}_${noise(59)}`,
  slack: `xoxb-${noise(12, "0123456789")}-${noise(12, "0123456789")}-${noise(24)}`,
  stripe: `sk_live_${noise(24)}`,
  jwt: `eyJ${noise(30)}.eyJ${noise(60)}.${noise(43)}`,
  bearer: `Bearer ${noise(40)}`,
  trunkline: `tl-${noise(40)}`,
  "private key": `-----BEGIN RSA PRIVATE KEY-----\n${Array.from({ length: 12 }, (_, line) => noise(64 - line)).join("\n")}\n-----END RSA PRIVATE KEY-----`,
  "private key, unmarked": `-----BEGIN PRIVATE KEY-----\n${noise(400)}\n-----END PRIVATE KEY-----`,
};

/** The part whose leaving would give it away: all of it but its well-known beginning. */
function core(secret: string): string {
  return secret.startsWith("-----") ? secret.split("\n")[1]! : secret.slice(-16);
}

function through(pieces: readonly string[]): string {
  const redactor = createRedactor(find, () => {});
  return pieces.map((piece) => redactor.push(piece)).join("") + redactor.end();
}

describe.each(Object.entries(secrets))("%s", (_kind, secret) => {
  test.each([
    ["between words", "The key is ", " and no other."],
    ["in JSON", '{"key":"', '","n":1}'],
    ["in an assignment", "export KEY=", "\nnext line"],
    ["alone", "", ""],
  ])("split at every place over two pieces, %s", (_where, before, after) => {
    const text = before + secret + after;
    const whole = redactText(text, find, () => {});
    expect(whole).not.toContain(core(secret));
    expect(whole.startsWith(before)).toBe(true);
    expect(whole.endsWith(after)).toBe(true);
    for (let at = 0; at <= text.length; at++) expect(through([text.slice(0, at), text.slice(at)])).toBe(whole);
  });

  test("character by character", () => {
    const text = `The key is ${secret} and no other.`;
    const out = through([...text]);
    expect(out).not.toContain(core(secret));
    expect(out).toBe(redactText(text, find, () => {}));
  });
});

test.each(Object.keys(dialects) as DialectName[])(
  "whatever the pieces, nothing of it is in a stream of %s",
  (dialect) => {
    const kinds = Object.values(secrets);
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.string({ maxLength: 30 }),
        fc.string({ maxLength: 30 }),
        fc.array(fc.nat(400), { maxLength: 6 }),
        (secret, before, after, cuts) => {
          const text = `${before} ${secret} ${after}`;
          const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].toSorted((a, b) => a - b);
          const pieces = [0, ...places].map((from, index) => text.slice(from, places[index] ?? text.length));
          const redaction = createAnswerRedaction({ find, replace: true, onFound: () => {} });
          const encoder = dialects[dialect].createStreamEncoder({
            model: "m",
            echo: {},
            includeUsage: false,
            estimatedInputTokens: 1,
            asJsonArray: false,
            requestId: "req_1",
            now: 0,
          });
          const events: StreamEvent[] = [
            { type: "start", id: "a", model: "m", created: 0 },
            { type: "text-start", choice: 0, id: "t" },
            ...pieces.map((piece): StreamEvent => ({ type: "text-delta", choice: 0, id: "t", text: piece })),
            { type: "text-end", choice: 0, id: "t" },
            { type: "tool-input-start", choice: 0, id: "call_1", name: "f", kind: "function" },
            ...pieces.map((piece): StreamEvent => ({
              type: "tool-input-delta",
              choice: 0,
              id: "call_1",
              delta: piece,
            })),
            { type: "tool-input-end", choice: 0, id: "call_1" },
            { type: "finish", choice: 0, finish: { reason: "stop" } },
            { type: "end" },
          ];
          const sent = events
            .flatMap((event) => redaction.event(event))
            .map((event) => encoder.encode(event))
            .join("");
          expect(sent).not.toContain(core(secret));
          // What it stood in has arrived, put together again.
          const collector = createCollector();
          const decoder = dialects[dialect].createStreamDecoder();
          createSseParser((name, data) => decoder.event(name, data, (event) => collector.add(event))).push(
            Buffer.from(sent),
          );
          const said = collector.completion().choices[0]!.content.find((part) => part.type === "text");
          expect(said?.type === "text" ? said.text : "").toBe(redactText(text, find, () => {}));
        },
      ),
      { numRuns: 300 },
    );
  },
);

test("ordinary text is not held back: every piece of it leaves at once, but for a word that may become one", () => {
  const redactor = createRedactor(find, () => {});
  for (const piece of ["The", " quick", " brown", " fox", "; 東京", " 12,5 %", "\n\n```ts\n", "const x = 1;"])
    expect(redactor.push(piece)).toBe(piece);
  expect(redactor.push(" sk-")).toBe(" ");
  expect(redactor.push("ating is fun")).toBe("sk-ating is fun");
});

test("a private key longer than is held back is left out all the same", () => {
  const out = through([
    `before -----BEGIN PRIVATE KEY-----\n${noise(40_000)}`,
    `${noise(40_001)}\n-----END PRIV`,
    "ATE KEY-----\nafter",
  ]);
  expect(out).toBe(`before ${replacement}\nafter`);
});

test("only told of, a secret stays where it is", () => {
  const found: string[] = [];
  const redaction = createAnswerRedaction({ find, replace: false, onFound: (kind) => found.push(kind) });
  expect(redaction.text(`the key ${secrets["github"]}`)).toBe(`the key ${secrets["github"]}`);
  expect(found).toEqual(["github"]);
});

test("in this project's own source it finds made-up keys in two tests, and nothing else", () => {
  const root = join(import.meta.dirname, "../../../..");
  const files = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trim().split("\n");
  const hits = files.filter((file) => find(readFileSync(join(root, file), "utf8")).length > 0);
  expect(hits).toEqual(["apps/gateway/tests/config.test.ts", "packages/policies/src/redaction/redaction.test.ts"]);
});
