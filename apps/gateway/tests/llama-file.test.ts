import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tinyGguf } from "@trunkline/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../src/cli/run-cli.ts";
import { requestFor, startGateway, temporaryFolder, type TestGateway } from "./harness.ts";

const version = "3.22.1";
/** Installed once by the command an operator would use, and kept between runs. */
const cache = join(import.meta.dirname, "../../../.cache/llama-home");
let folder: ReturnType<typeof temporaryFolder>;
let gateway: TestGateway;

beforeAll(async () => {
  if (!existsSync(join(cache, "modules/node_modules/node-llama-cpp/package.json"))) {
    expect(
      await runCli(["modules", "add", `node-llama-cpp@${version}`, "--json"], {
        ...process.env,
        TRUNKLINE_HOME: cache,
      }),
    ).toBe(0);
  }
  folder = temporaryFolder();
  const path = join(folder.path, "tiny.gguf");
  writeFileSync(path, tinyGguf());
  gateway = await startGateway({
    providers: {
      local: { kind: "llama-file", path, threads: 1 },
      gone: { kind: "llama-file", path: "/no/such/file.gguf" },
    },
  });
  symlinkSync(join(cache, "modules"), join(gateway.home, "modules"));
});
afterAll(async () => {
  await gateway?.close();
  folder?.remove();
});

test("a model file answers in every dialect, whole and streamed, with exact usage", async () => {
  for (const dialect of ["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const) {
    for (const stream of [false, true]) {
      const { path, body } = requestFor(dialect, "local/tiny", "Hi", stream);
      const response = await gateway.post(path, body);
      const text = await response.text();
      expect(response.status).toBe(200);
      if (stream) expect(text).toContain(" file");
      else expect(text).toContain("Hello from the file.");
    }
  }
  const answer = (await (
    await gateway.post("/v1/chat/completions", { model: "local/tiny", messages: [{ role: "user", content: "Hi" }] })
  ).json()) as { usage: { completion_tokens: number } };
  expect(answer.usage.completion_tokens).toBe(6);
});

test("limits, several at once, embeddings, the model list, and what it cannot do", async () => {
  const ask = async (body: object) =>
    (
      await gateway.post("/v1/chat/completions", {
        model: "local/tiny",
        messages: [{ role: "user", content: "Hi" }],
        ...body,
      })
    ).json() as Promise<{
      choices?: { finish_reason: string; message: { content: string } }[];
      error?: { code: string };
    }>;
  expect((await ask({ max_tokens: 2 })).choices?.[0]?.finish_reason).toBe("length");
  const many = await Promise.all([1, 2, 3].map(() => ask({})));
  expect(many.map((answer) => answer.choices?.[0]?.message.content)).toEqual(
    Array.from({ length: 3 }, () => "Hello from the file."),
  );
  expect(
    await (
      await gateway.post("/v1/embeddings", { model: "local/tiny", input: "Hello", encoding_format: "float" })
    ).json(),
  ).toMatchObject({ data: [{ embedding: expect.any(Array) as number[] }] });
  expect(await (await gateway.get("/v1/models")).text()).toContain('"tiny"');
  expect(
    (await ask({ tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }] })).error?.code,
  ).toBe("unsupported_parameter");
  const missing = await gateway.post("/v1/chat/completions", {
    model: "gone/file",
    messages: [{ role: "user", content: "Hi" }],
  });
  expect(missing.status).toBe(503);
  expect(await missing.text()).toContain("/no/such/file.gguf");
});
