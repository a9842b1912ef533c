import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { importConfig, importSources } from "../apps/gateway/src/config/import/import-config.ts";
import { parseConfig } from "../apps/gateway/src/config/load-config.ts";

const root = join(import.meta.dirname, "..");

function blocks(file: string, language: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  // Those in a list are set in.
  const found = text.matchAll(new RegExp(`^( *)\`\`\`${language}\n([^]*?)\n *\`\`\``, "gm"));
  return [...found].map(([, indent, block]) => block!.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
}

test.each([
  "routing",
  "limits",
  "caching",
  "custom-providers",
  "sign-in",
  "workers",
  "services",
  "tasks",
  "dashboard",
  "single-sign-on",
  "alerts",
  "observability",
])("every configuration in %s.md is one", (name) => {
  const found = blocks(`docs/guides/${name}.md`, "yaml");
  expect(found.length).toBeGreaterThan(0);
  for (const block of found) expect([block, parseConfig(block, name, {}).badRoutes]).toEqual([block, undefined]);
});

test.each(importSources)("what coming-from.md says becomes of %s's example does", (source) => {
  const file = `examples/coming-from/${source}.${source === "openrouter" ? "json" : "yaml"}`;
  const content = readFileSync(join(root, file), "utf8");
  const { yaml } = importConfig(source, content, file);
  expect(blocks("docs/guides/coming-from.md", "yaml")).toContain(yaml.trim());
  expect(readFileSync(join(root, "docs/guides/coming-from.md"), "utf8")).toContain(content.trim());
});
