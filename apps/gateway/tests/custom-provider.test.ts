import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { DialectName } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestFor, startGateway, temporaryFolder, type TestGateway } from "./harness.ts";

const names = Object.keys(dialects) as DialectName[];
const example = join(import.meta.dirname, "../../../examples/custom-provider/ndjson-server.ts");
const lines = [{ token: "Hello " }, { token: "wörld" }, { done: true, tokens_in: 7, tokens_out: 2 }];
let server: Server;
let gateway: TestGateway;
let folder: ReturnType<typeof temporaryFolder>;
let received: { model: string; prompt: string }[] = [];
let manner: "ok" | "busy" | "cut" | "hold" = "ok";
let left: (() => void) | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/models") return void response.end(JSON.stringify({ models: ["tall", "small"] }));
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      received.push(JSON.parse(body) as (typeof received)[number]);
      if (manner === "busy") return void response.writeHead(429).end("too much");
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      if (manner === "hold") {
        response.on("close", () => left?.());
        return void response.write(`${JSON.stringify(lines[0])}\n`);
      }
      response.end(manner === "cut" ? text.slice(0, 20) : text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const options = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  folder = temporaryFolder();
  writeFileSync(join(folder.path, "no-function.mjs"), "export const answer = 42;");
  writeFileSync(
    join(folder.path, "broken.mjs"),
    "export const createProvider = () => { throw new Error('no licence') };",
  );
  writeFileSync(
    join(folder.path, "pieces.mjs"),
    `export const createProvider = () => ({ models: ["p"], can: { tools: true }, async *generate({ conversation }) {
      yield { reasoning: "hm" }; yield "Let me see.";
      yield { toolCall: { name: conversation.tools[0].name, input: { city: "Ulm" } } };
    } });`,
  );
  const custom = (path: string) => ({ kind: "custom", path, options });
  gateway = await startGateway(
    {
      providers: {
        house: custom(example),
        pieces: custom("pieces.mjs"),
        none: custom("no-function.mjs"),
        broken: custom("broken.mjs"),
        absent: custom("absent.mjs"),
      },
      routes: [{ pattern: "either", targets: ["house/tall", "trunkline/echo"] }],
      retries: { attempts: 0 },
    },
    {},
    folder.path,
  );
});
afterAll(async () => {
  await gateway.close();
  folder.remove();
  server.close();
  server.closeAllConnections();
});

describe.each(names)("%s", (dialect) => {
  test.each([false, true])("the example answers; stream: %s", async (stream) => {
    received = [];
    manner = "ok";
    const { path, body } = requestFor(dialect, "house/tall", "Say hello", stream);
    const answer = await gateway.post(path, body);
    const text = await answer.text();
    expect([answer.status, answer.headers.get("x-trunkline-provider")]).toEqual([200, "house"]);
    expect(text).toContain("wörld");
    expect(text).toMatch(/"(?:completion_tokens|output_tokens|candidatesTokenCount)": ?2/);
    expect(received).toEqual([{ model: "tall", prompt: "\nuser: Say hello\nassistant:" }]);
  });
});

test("its models are listed", async () => {
  const { data } = (await (await gateway.get("/v1/models")).json()) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(["tall", "small"]));
});

test("what it throws is a failure like any other: with a status, or in the middle", async () => {
  const ask = (model: string, stream = false) => {
    const { path, body } = requestFor("openai-chat", model, "Hi", stream);
    return gateway.post(path, body);
  };
  manner = "busy";
  const busy = await ask("house/tall");
  expect(busy.status).toBe(429);
  expect(await busy.text()).toContain("The provider 'house' failed: it answered 429: too much");
  expect((await ask("either")).headers.get("x-trunkline-provider")).toBe("trunkline");
  manner = "cut";
  expect(await (await ask("house/small", true)).text()).toContain("the stream ended before it was done");
});

test("a client that leaves stops it", async () => {
  manner = "hold";
  const stopped = new Promise<void>((resolve) => (left = resolve));
  const leaving = new AbortController();
  const { path, body } = requestFor("openai-chat", "house/small", "Hi", true);
  const answer = await fetch(gateway.origin + path, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: leaving.signal,
  });
  await answer.body!.getReader().read();
  leaving.abort();
  await stopped;
});

test("thoughts and tool calls", async () => {
  const { path, body } = requestFor("openai-chat", "pieces/p", "Weather?", false);
  const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
  const answer = (await (await gateway.post(path, { ...body, tools })).json()) as { choices: object[] };
  expect(answer.choices[0]).toMatchObject({
    finish_reason: "tool_calls",
    message: { content: "Let me see.", tool_calls: [{ function: { name: "weather", arguments: '{"city":"Ulm"}' } }] },
  });
  const refused = await gateway.post(path, { ...body, model: "house/tall", tools });
  expect([refused.status, await refused.text()]).toEqual([
    400,
    expect.stringContaining("This model cannot use tools."),
  ]);
});

test("modules with mistakes are told of, and take nobody with them", () => {
  const reasons = Object.fromEntries(gateway.started.failures.map(({ name, reason }) => [name, reason]));
  expect(reasons["none"]).toContain("does not export a function named");
  expect(reasons["broken"]).toContain("could not be loaded: no licence");
  expect(reasons["absent"]).toContain("could not be loaded: Cannot find module");
});
