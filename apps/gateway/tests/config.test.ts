import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { discoverKeys, withDiscovered } from "../src/config/discover.ts";
import { importConfig } from "../src/config/import/import-config.ts";
import { ConfigError, parseConfig } from "../src/config/load-config.ts";
import { parseClients } from "../src/key-finder.ts";
import { fourProviders, startGateway, startPair } from "./harness.ts";

const check = (text: string, environment: Record<string, string> = {}) =>
  parseConfig(text, "trunkline.yaml", environment);

function mistakes(text: string, environment: Record<string, string> = {}): string[] {
  try {
    check(text, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

describe("the file", () => {
  test("an empty one is all defaults", () => {
    expect(check("")).toMatchObject({
      server: { host: "127.0.0.1", port: 8317, body_limit_mb: 32 },
      discover: true,
      ledger: { retention_days: 30 },
    });
  });

  test("references, defaults of references, escapes", () => {
    const config = check(
      "providers:\n  a: {preset: openai, api_key: '${A}', base_url: 'http://${B:-localhost}/v1', headers: {x: '$${A}'}}",
      { A: "key" },
    );
    expect(config.providers["a"]).toMatchObject({
      api_key: "key",
      base_url: "http://localhost/v1",
      headers: { x: "${A}" },
    });
  });

  test("the environment comes before it", () => {
    expect(
      check("server: {port: 1}", { TRUNKLINE_PORT: "2", TRUNKLINE_HOST: "::1", TRUNKLINE_LOG_LEVEL: "debug" }),
    ).toMatchObject({ server: { port: 2, host: "::1" }, log: { level: "debug" } });
  });

  test.each([
    ["server:\n  prot: 8317", "trunkline.yaml:2:3  server.prot: unknown setting"],
    ["server:\n  port: 99999", "trunkline.yaml:2:9  server.port:"],
    ["providers:\n  a:\n    preset: opena", "trunkline.yaml:3:13  providers.a.preset:"],
    ["providers:\n  a:\n    kind: ai-sdk", "providers.a.package:"],
    [
      "providers:\n  a:\n    preset: openai\n    api_kee: x",
      "trunkline.yaml:4:5  providers.a.api_kee: unknown setting",
    ],
    ["a: [", "trunkline.yaml:1:"],
    ["aliases:\n  a: b\n  b: a", "trunkline.yaml:2:6  aliases.a: leads back to itself: a → b → a"],
    [
      "providers:\n  x:\n    api_key: ${NOPE}",
      "trunkline.yaml:3:14  providers.x.api_key: the environment variable NOPE is not set",
    ],
    ["- 1", "trunkline.yaml"],
  ])("%j is refused where it stands", (text, words) => {
    expect(mistakes(text).join("\n")).toContain(words);
  });
});

test("the example is whole and valid", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../config.example.yaml"), "utf8");
  const names = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => [name!, "x"]);
  const config = check(text, Object.fromEntries(names));
  expect(Object.keys(parse(text) as object).toSorted()).toEqual(Object.keys(config).toSorted());
});

test("keys in the environment are found, and never replace what is configured", () => {
  const found = discoverKeys({ OPENAI_API_KEY: "a", GOOGLE_API_KEY: "b", CEREBRAS_API_KEY: " c ", XAI_API_KEY: "" });
  expect(found.map(({ name, why }) => [name, why])).toEqual([
    ["openai", "OPENAI_API_KEY"],
    ["gemini", "GOOGLE_API_KEY"],
    ["cerebras", "CEREBRAS_API_KEY"],
  ]);
  const config = withDiscovered(check("providers: {openai: {enabled: false}}"), found);
  expect(Object.keys(config.providers)).toEqual(["openai", "gemini", "cerebras"]);
  expect(config.providers["openai"]).toMatchObject({ enabled: false });
});

test("a good change is taken while running, a bad one is not", async () => {
  const { gateway, upstream, close } = await startPair();
  const file = join(gateway.home, "trunkline.yaml");
  const ask = async (model: string) =>
    (await gateway.post("/v1/chat/completions", { model, messages: [{ role: "user", content: "x" }] })).status;
  const write = (more: string) =>
    writeFileSync(file, `discover: false\nproviders: ${JSON.stringify(fourProviders(upstream.origin))}\n${more}`);
  expect(await ask("fast")).toBe(404);
  write("aliases: {fast: u-chat/case-text}\n");
  await expect.poll(() => ask("fast"), { timeout: 20_000 }).toBe(200);
  write("aliases: {fast: 5}\n");
  const log = () => readFileSync(join(gateway.home, "logs/trunkline.log"), "utf8");
  await expect.poll(log, { timeout: 20_000 }).toContain("the configuration has mistakes");
  expect(await ask("fast")).toBe(200);
  await close();
});

test("TRUNKLINE_CLIENTS stands in until the database has a key", async () => {
  const clients = JSON.stringify([{ name: "ci", key: "tl-from-the-environment", models: ["trunkline/*"] }]);
  const gateway = await startGateway({}, { TRUNKLINE_CLIENTS: clients });
  const ask = async () =>
    (await fetch(`${gateway.origin}/v1/models`, { headers: { authorization: "Bearer tl-from-the-environment" } }))
      .status;
  expect(gateway.key).toBe("");
  expect(await ask()).toBe(200);
  await gateway.makeKey({ name: "real" });
  await expect.poll(ask).toBe(401);
  await gateway.close();
  expect(() => parseClients("{")).toThrow("not JSON");
  expect(() => parseClients('[{"name":"a","key":"short"}]')).toThrow("16 characters");
});

describe("import", () => {
  test("CLIProxyAPI", () => {
    const imported = importConfig(
      "cliproxyapi",
      `port: 8400
api-keys: [sk-client-one-long-enough]
auth-dir: ~/.cli-proxy-api
claude-api-key:
  - api-key: sk-ant-1
    base-url: https://claude.example
gemini-api-key:
  - api-key: AIza1
openai-compatibility:
  - name: openrouter
    base-url: https://openrouter.ai/api/v1
    api-key-entries: [{api-key: sk-or-1}, {api-key: sk-or-2}]
    models: [{name: "moonshotai/kimi-k2", alias: kimi}]
quota-exceeded: {switch-project: true}
`,
      "config.yaml",
    );
    const config = check(imported.yaml);
    expect(config.server.port).toBe(8400);
    expect(config.providers).toMatchObject({
      anthropic: { preset: "anthropic", api_key: "sk-ant-1", base_url: "https://claude.example/v1" },
      gemini: { preset: "gemini", api_key: "AIza1" },
      openrouter: { preset: "openai-compatible", api_key: "sk-or-1", models: ["moonshotai/kimi-k2"] },
    });
    expect(parseClients(JSON.stringify(imported.clients))).toHaveLength(1);
    expect(config.providers["openrouter-2"]).toMatchObject({ api_key: "sk-or-2", models: ["moonshotai/kimi-k2"] });
    expect(config.routes).toMatchObject([
      {
        pattern: "kimi",
        strategy: "round-robin",
        targets: ["openrouter/moonshotai/kimi-k2", "openrouter-2/moonshotai/kimi-k2"],
      },
    ]);
    expect(imported.notes.join("\n")).toMatch(/`quota-exceeded`[\s\S]*auth-dir/);
  });

  test("LiteLLM", () => {
    const imported = importConfig(
      "litellm",
      `model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}
  - model_name: smart
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY}
  - model_name: local
    litellm_params: {model: openai/qwen, api_base: "http://127.0.0.1:9000/v1"}
  - model_name: bed
    litellm_params: {model: bedrock/x}
general_settings: {master_key: sk-1234567890123456, database_url: x}
litellm_settings: {drop_params: true}
`,
      "config.yaml",
    );
    const config = check(imported.yaml, { OPENAI_API_KEY: "o", ANTHROPIC_API_KEY: "a" });
    expect(config.providers).toMatchObject({
      openai: { api_key: "o", models: ["gpt-4o"] },
      anthropic: { api_key: "a", models: ["claude-sonnet-4-5"] },
      "openai-compatible": { base_url: "http://127.0.0.1:9000/v1", models: ["qwen"] },
    });
    expect(config.aliases).toEqual({ smart: "anthropic/claude-sonnet-4-5", local: "openai-compatible/qwen" });
    expect(imported.notes.join("\n")).toMatch(/bedrock[\s\S]*database_url[\s\S]*litellm_settings\.drop_params/);
  });
});
