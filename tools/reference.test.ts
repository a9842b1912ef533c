import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { answerHeaders } from "../apps/gateway/src/http/answer-headers.ts";
import { referencePages } from "./reference.ts";

const root = join(import.meta.dirname, "..");
const pages = await referencePages();

describe("the reference says what the code does", () => {
  test.each(Object.keys(pages))("%s", (name) => {
    expect(readFileSync(join(root, "docs/reference", name), "utf8"), "run: node tools/reference.ts").toBe(pages[name]);
  });

  test("every header the code sets has its line", () => {
    const files = globSync(
      ["packages/{exchange/src,policies/src,providers/src/cli-process}/**/*.ts", "apps/gateway/src/http/*.ts"],
      {
        cwd: root,
      },
    ).filter((file) => !/(?:answer-headers|turn-headers|request-facts)\.ts$/.test(file));
    const set = new Set(
      files.flatMap((file) =>
        [
          ...readFileSync(join(root, file), "utf8").matchAll(
            /"((?:x-(?:trunkline|ratelimit|should|claude|queue|queued|backend)|anthropic-ratelimit|retry-after|request-id|x-request-id)[a-z0-9-]*)"/g,
          ),
        ].map(([, name]) => name!),
      ),
    );
    expect([...set].filter((name) => !Object.hasOwn(answerHeaders, name))).toEqual([]);
    // Those of tokens are put together from what is counted.
    const made = /^(?:x-ratelimit|anthropic-ratelimit)-.*tokens|^age$/;
    expect(Object.keys(answerHeaders).filter((name) => !set.has(name) && !made.test(name))).toEqual([]);
  });
});

test("links between the pages lead somewhere", () => {
  const files = globSync(["*.md", "docs/**/*.md", "deploy/**/*.md"], { cwd: root });
  for (const file of files) {
    for (const [, target] of readFileSync(join(root, file), "utf8").matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)) {
      expect([file, target, existsSync(join(root, dirname(file), target!))]).toEqual([file, target, true]);
    }
  }
});
