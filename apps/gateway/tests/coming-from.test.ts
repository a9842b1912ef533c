import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures, sendJson, startUpstream, type FakeUpstream } from "@trunkline/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { importConfig, type ImportSource } from "../src/config/import/import-config.ts";
import { requestFor, startGateway, type TestGateway } from "./harness.ts";

// What was imported answers as it did there: the providers' addresses are replaced by one upstream, nothing else.

type Imported = { providers: Record<string, { preset: string; base_url?: string; api_key?: string }>; server?: object };

let upstream: FakeUpstream;
let gateway: TestGateway;
/** Providers that fail. */
let failing: string[] = [];

beforeEach(async () => {
  failing = [];
  upstream = await startUpstream(({ dialect, path }, response) => {
    if (failing.includes(path.split("/")[1]!)) return sendJson(response, 500, { error: { message: "broken" } });
    sendJson(response, 200, fixtures[dialect!].text.json);
  });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

async function open(source: ImportSource, file: string, clients = false): Promise<void> {
  const content = readFileSync(join(import.meta.dirname, "../../../examples/coming-from", file), "utf8");
  const imported = importConfig(source, content, file);
  const { server: _server, ...config } = parse(imported.yaml) as Imported;
  for (const [name, provider] of Object.entries(config.providers)) {
    provider.base_url = `${upstream.origin}/${name}/v1${provider.preset === "gemini" ? "beta" : ""}`;
    provider.api_key ??= "sk-dummy";
  }
  const keys = {
    OPENAI_API_KEY: "o",
    AZURE_KEY: "z",
    ANTHROPIC_API_KEY: "a",
    GROQ_API_KEY: "g",
    OPENROUTER_API_KEY: "r",
  };
  gateway = await startGateway(config, {
    ...keys,
    ...(clients ? { TRUNKLINE_CLIENTS: JSON.stringify(imported.clients) } : {}),
  });
}

async function ask(model: string, key = gateway.key): Promise<string> {
  const { path, body } = requestFor("openai-chat", model, "Hello", false);
  const answer = await gateway.post(path, body, { authorization: `Bearer ${key}` });
  return `${answer.status} ${answer.headers.get("x-trunkline-provider")}/${answer.headers.get("x-trunkline-model")}`;
}

test("CLIProxyAPI: two keys take turns, the alias and the client's key go on", async () => {
  await open("cliproxyapi", "cliproxyapi.yaml", true);
  const key = "sk-laptop-0123456789";
  expect(await ask("claude-sonnet-4-5", key)).toBe("200 anthropic/claude-sonnet-4-5");
  expect(await ask("claude-sonnet-4-5", key)).toBe("200 anthropic-2/claude-sonnet-4-5");
  failing = ["anthropic"];
  expect(await ask("claude-haiku-4-5", key)).toBe("200 anthropic-2/claude-haiku-4-5");
  expect(await ask("kimi", key)).toBe("200 openrouter/moonshotai/kimi-k2");
});

test("LiteLLM: shares by weight, fallbacks, group aliases, wildcards and the master key", async () => {
  await open("litellm", "litellm.yaml", true);
  const key = "sk-master-0123456789";
  const shares = [];
  for (let turn = 0; turn < 4; turn++) shares.push(await ask("gpt-4", key));
  expect(shares.filter((answer) => answer === "200 openai/gpt-5")).toHaveLength(3);
  expect(shares.filter((answer) => answer === "200 azure-openai/my-gpt")).toHaveLength(1);
  failing = ["openai", "azure-openai"];
  expect(await ask("chat", key)).toBe("200 anthropic/claude-sonnet-4-5");
  expect(await ask("groq/llama-3.3-70b", key)).toBe("200 groq/llama-3.3-70b");
});

test("OpenRouter: the models of a request stand in for each other", async () => {
  await open("openrouter", "openrouter.json");
  const answered = await ask("anthropic/claude-sonnet-4.5");
  expect(answered).toMatch(/^200 openrouter\/(?:anthropic|openai|google)\//);
  expect(await ask("meta-llama/llama-3.3-70b-instruct")).toBe("200 openrouter/meta-llama/llama-3.3-70b-instruct");
});
