import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { asArray, asObject, asString, type DialectName, type JsonObject } from "@trunkline/contracts";
import { scriptedAnswers, sendJson, sendSse, type Behaviour, type ReceivedRequest } from "@trunkline/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { providerOf, startPair, temporaryFolder } from "../harness.ts";
import { agentNames, installAgents, takeTurn, versions, type AgentName } from "./agents.ts";

const secret = "heron 7341";
const passed = new Set<string>();
const dialectNames = Object.keys(providerOf) as DialectName[];

type Tool = { readonly name: string; readonly properties: JsonObject };

function toolsOf({ body }: ReceivedRequest): Tool[] {
  return asArray(body["tools"]).flatMap((value) => {
    const tool = asObject(value) ?? {};
    const inner = asObject(tool["function"]) ?? tool;
    return (tool["functionDeclarations"] ? asArray(tool["functionDeclarations"]) : [inner]).map((one) => {
      const declared = asObject(one) ?? {};
      const schema = asObject(declared["parameters"] ?? declared["input_schema"] ?? declared["parametersJsonSchema"]);
      return { name: asString(declared["name"]) ?? "", properties: asObject(schema?.["properties"]) ?? {} };
    });
  });
}

/** How each agent reads a file. */
function readingCall(tools: readonly Tool[], file: string): { name: string; input: JsonObject } | undefined {
  for (const { name, properties } of tools) {
    if (name === "Read") return { name, input: { file_path: file } };
    if (name === "read_file")
      return { name, input: properties["absolute_path"] ? { absolute_path: file } : { file_path: file } };
    if (name === "exec_command") return { name, input: { cmd: `cat ${file}` } };
    if (name === "shell_command") return { name, input: { command: `cat ${file}` } };
    if (name === "shell") return { name, input: { command: ["cat", file] } };
  }
  return undefined;
}

let pair: Awaited<ReturnType<typeof startPair>>;
const folder = temporaryFolder();
const note = join(folder.path, "note.txt");

/** A model that reads the note when it can, and says what it read. */
const behaviour: Behaviour = (request, response) => {
  const { dialect, text } = request;
  if (!dialect) return sendJson(response, 404, { error: { message: "unknown path" } });
  const call = text.includes(secret) ? undefined : readingCall(toolsOf(request), note);
  const answer = scriptedAnswers[dialect](
    call ? { text: "I shall look.", call } : { text: text.includes(secret) ? `The note says: ${secret}.` : "A title" },
  );
  if (request.stream) sendSse(response, answer.sse);
  else sendJson(response, 200, answer.json);
};

beforeAll(async () => {
  writeFileSync(note, secret);
  await installAgents();
  pair = await startPair(behaviour);
});
afterAll(async () => {
  await pair?.close();
  folder.remove();
});

test.each(agentNames.flatMap((agent) => dialectNames.map((dialect) => ({ agent, dialect }))))(
  "$agent reads a file with its own tool through an upstream that speaks $dialect",
  async ({ agent, dialect }) => {
    const home = join(folder.path, `${agent}-${dialect}`);
    mkdirSync(home);
    const from = pair.upstream.received.length;
    const printed = await takeTurn(agent, {
      origin: pair.gateway.origin,
      key: pair.gateway.key,
      model: `${providerOf[dialect]}/m`,
      prompt: `What does the file ${note} say?`,
      home,
      workplace: folder.path,
    });
    // With the full stop: neither the file nor the prompt has it. Gemini prints an answer piece by piece.
    expect(printed).toContain(`${secret}.`);
    const asked = pair.upstream.received.slice(from).filter((request) => request.dialect !== undefined);
    expect(new Set(asked.map((request) => request.dialect))).toEqual(new Set([dialect]));
    expect(asked.some((request) => request.stream && request.text.includes(secret))).toBe(true);
    passed.add(`${agent} ${dialect}`);
  },
);

/** Hands everything on to the gateway, and tells what was asked. */
async function watched(origin: string): Promise<{ origin: string; asked: string[]; close(): void }> {
  const asked: string[] = [];
  const server = createServer((message, response) => {
    asked.push(`${message.method} ${message.url}`);
    const onwards = httpRequest(`${origin}${message.url}`, { method: message.method, headers: message.headers });
    onwards.on("response", (answer) => answer.pipe(response.writeHead(answer.statusCode!, answer.headers)));
    message.pipe(onwards);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => void server.close(),
  };
}

test("Claude Code finds the gateway's models and has its context counted", async () => {
  const home = join(folder.path, "claude-context");
  mkdirSync(home);
  const front = await watched(pair.gateway.origin);
  const printed = await takeTurn("claude", {
    origin: front.origin,
    key: pair.gateway.key,
    model: "trunkline/echo",
    prompt: "/context",
    home,
    workplace: folder.path,
  });
  front.close();
  expect(printed).toContain("Context Usage");
  expect(front.asked).toContain("GET /v1/models?limit=1000");
  expect(front.asked.some((line) => line.startsWith("POST /v1/messages/count_tokens"))).toBe(true);
});

const reference = join(import.meta.dirname, "../../../../docs/reference/compatibility.md");
const [opening, closing] = ["<!-- agents -->\n", "<!-- /agents -->"];

function table(): string {
  const row = (agent: AgentName) => {
    const cells = dialectNames.map((dialect) => (passed.has(`${agent} ${dialect}`) ? "passes" : "fails"));
    return `| ${versions[agent].name} ${versions[agent].version} | ${cells.join(" | ")} |`;
  };
  const head = `| Client | ${dialectNames.join(" | ")} |\n|---${"|---".repeat(dialectNames.length)}|`;
  return `\n${head}\n${agentNames.map(row).join("\n")}\n\n`;
}

test("the reference's table is what this run showed (TRUNKLINE_WRITE_REFERENCE=1 writes it)", () => {
  const text = readFileSync(reference, "utf8");
  const [before, rest] = text.split(opening) as [string, string];
  const [given, after] = rest.split(closing) as [string, string];
  if (process.env["TRUNKLINE_WRITE_REFERENCE"])
    writeFileSync(reference, `${before}${opening}${table()}${closing}${after}`);
  else expect(given).toBe(table());
});
