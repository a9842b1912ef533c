import { asArray, asObject, type DialectName, type JsonObject } from "@trunkline/contracts";
import {
  caseNames,
  expected,
  fixtures,
  scriptedAnswers,
  sendSse,
  startUpstream,
  type CaseName,
  type FakeUpstream,
  type ReceivedRequest,
} from "@trunkline/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readdirSync } from "node:fs";
import { providerOf, requestFor, startGateway, temporaryFolder, type TestGateway } from "../harness.ts";
import { readAnswer, said } from "../read-answer.ts";
import { chunksOf, installAgents, modelOf, programNames, providerFor, type ProgramName } from "./programs.ts";

const dialectNames = Object.keys(providerOf) as DialectName[];
let gateway: TestGateway;
let upstream: FakeUpstream;
/** Held answers: each is let go by the test that asked for it. */
const gates = new Map<string, () => void>();

/** Claude Code's tools have a server's name before their own. */
const prefixed = (sse: string) => sse.replaceAll('"name":"get_', '"name":"mcp__t__get_');

/** What a program that has no tools to call is told to write instead. */
const envelope = JSON.stringify({
  tool_calls: [
    { name: "get_weather", arguments: { city: "Zürich", unit: "c" } },
    { name: "get_time", arguments: { zone: "Europe/Zurich" } },
  ],
});

function lastTurn({ body, text }: ReceivedRequest): string {
  const turns = asArray(body["messages"] ?? body["input"] ?? body["contents"]);
  return JSON.stringify(turns.filter((turn) => asObject(turn)?.["role"] !== "system").slice(-3)) || text;
}

beforeAll(async () => {
  await installAgents();
  upstream = await startUpstream(async (request, response) => {
    const { dialect, text } = request;
    if (!dialect) return void response.writeHead(404).end("{}");
    const asked = lastTurn(request);
    const answered = /function_call_output|tool_result|role=\\"tool/.test(asked);
    const name: CaseName = answered
      ? "text"
      : (caseNames.find((candidate) => asked.includes(`case-${candidate}`)) ?? "text");
    let { sse } = fixtures[dialect][name];
    if (dialect === "anthropic-messages") sse = prefixed(sse);
    if (dialect === "gemini" && name === "tools")
      sse = fixtures.gemini.text.sse
        .replace(/"text":"[^"]*"/, `"text":${JSON.stringify(envelope)}`)
        .replace(/"text":" from[^"]*"/, '"text":""')
        .replace(/"text":"京[^"]*"/, '"text":""');
    const gate = /gate-(\w+)/.exec(text)?.[1];
    if (text.includes("own-tool")) return sendSse(response, ownTool(dialect, answered));
    if (gate === undefined) return sendSse(response, sse);
    // All but the end goes out, then the answer waits.
    const cut = sse.lastIndexOf(name === "tools" ? "Europe" : "京");
    const head = Buffer.from(sse.slice(0, sse.lastIndexOf("data: ", cut)));
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(head);
    await new Promise<void>((resolve) => gates.set(gate, resolve));
    response.end(Buffer.from(sse).subarray(head.length));
  });
  gateway = await startGateway({
    providers: Object.fromEntries(programNames.map((name) => [name, providerFor(name, upstream.origin)])),
  });
});
afterAll(async () => {
  await gateway?.close();
  await upstream?.close();
});

/** What a program tells of an answer: some leave out what their vendor told them. */
function told(program: ProgramName, dialect: DialectName, name: CaseName) {
  const whole = expected[name];
  const lost = program === "gemini" ? { cacheReadTokens: 0, reasoningTokens: 0, reasoning: "" } : {};
  const thoughts = dialect === "anthropic-messages" && program !== "claude" ? { reasoningTokens: 0 } : {};
  return { ...whole, ...lost, ...thoughts };
}

const touched = temporaryFolder();
afterAll(() => touched.remove());

/** The vendor's model calls a tool of the program's own, which would make a file. */
function ownTool(dialect: DialectName, answered: boolean): string {
  if (answered) return fixtures[dialect].text.sse;
  const command = `touch ${touched.path}/${dialect}`;
  const call = {
    "anthropic-messages": { name: "Bash", input: { command, description: "x" } },
    "openai-responses": { name: "shell", input: { command: ["bash", "-lc", command] } },
    "openai-chat": { name: "shell", input: {} },
    gemini: { name: "run_shell_command", input: { command } },
  }[dialect];
  return scriptedAnswers[dialect]({ text: "I shall do it myself.", call }).sse;
}

describe.each(programNames)("%s", (program) => {
  test("a tool of its own is not carried out, whatever the model wants", async () => {
    const { path, body } = requestFor("openai-chat", `${program}/${modelOf[program]}`, "own-tool", false);
    await (await gateway.post(path, body)).text();
    expect(readdirSync(touched.path)).toEqual([]);
  });

  test("thoughts are passed on", async () => {
    const { path, body } = requestFor("anthropic-messages", `${program}/${modelOf[program]}`, "case-reasoning", true);
    const answer = await readAnswer("anthropic-messages", await gateway.post(path, body));
    expect(said(answer)).toMatchObject({ text: "4", finish: "stop" });
    // Gemini CLI makes headings of their first lines.
    const thoughts = said(answer).reasoning.replace(/[*\n]/g, program === "gemini" ? "" : "$&");
    expect(thoughts).toBe(program === "gemini" ? "Two and two.That is four." : expected.reasoning.reasoning);
    const signed = answer.choices[0]!.content.find((part) => part.type === "reasoning");
    // Claude's own signature is there for the next turn.
    if (program === "claude") expect(signed).toMatchObject({ native: { family: "anthropic" } });
  });

  test("a client that leaves ends the vendor's answer too, and frees the place", async () => {
    const { path, body } = requestFor("openai-chat", `${program}/${modelOf[program]}`, `gate-leave${program}`, true);
    const leaving = new AbortController();
    const aborted = upstream.nextAbort();
    const response = await fetch(gateway.origin + path, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: leaving.signal,
    });
    await chunksOf(response).next();
    leaving.abort();
    await aborted;
    gates.get(`leave${program}`)?.();
    const active = async () => {
      const health = (await (await gateway.get("/v1/health")).json()) as {
        providers: { name: string; queue?: { active: number } }[];
      };
      return health.providers.find(({ name }) => name === program)!.queue!.active;
    };
    await expect.poll(active).toBe(0);
  });

  describe.each(dialectNames)("for a client of %s", (dialect) => {
    test.each([false, true])("text, usage and stop reason are exact (streamed: %s)", async (stream) => {
      const { path, body } = requestFor(dialect, `${program}/${modelOf[program]}`, "case-text please", stream);
      const response = await gateway.post(path, body);
      expect(response.status).toBe(200);
      expect(said(await readAnswer(dialect, response))).toEqual(told(program, dialect, "text"));
    });

    test("the first delta arrives before the vendor has sent its last", async () => {
      const gate = `${program}${dialect.replaceAll("-", "")}`;
      const { path, body } = requestFor(dialect, `${program}/${modelOf[program]}`, `gate-${gate}`, true);
      const response = await gateway.post(path, body);
      let text = "";
      for await (const chunk of chunksOf(response)) {
        text += chunk;
        if (!text.includes("Grüße")) continue;
        // Only now may the vendor go on.
        gates.get(gate)?.();
        gates.delete(gate);
      }
      expect(text).toContain("京 🚄!");
    });

    test("parallel calls of the client's tools, then their results", async () => {
      const first = toolRequest(dialect, `${program}/${modelOf[program]}`, []);
      const answer = await readAnswer(dialect, await gateway.post(first.path, first.body));
      const { calls, finish } = said(answer);
      expect(calls).toEqual(expected.tools.calls);
      expect(finish).toBe("tool-calls");
      const second = toolRequest(
        dialect,
        `${program}/${modelOf[program]}`,
        answer.choices[0]!.content.flatMap((part) => (part.type === "tool-call" ? [part] : [])),
      );
      const from = upstream.received.length;
      const final = await readAnswer(dialect, await gateway.post(second.path, second.body));
      expect(said(final).text).toBe(expected.text.text);
      expect(upstream.received[from]!.text).toContain("twelve degrees");
      expect(upstream.received[from]!.text).toContain("noon");
    });
  });
});

test.each(["claude", "codex"] as const)("%s: results that come before the program asks for them", async (program) => {
  const model = `${program}/${modelOf[program]}`;
  for (let round = 0; round < 12; round++) {
    const first = toolRequest("anthropic-messages", model, []);
    const answer = await readAnswer("anthropic-messages", await gateway.post(first.path, first.body));
    const calls = answer.choices[0]!.content.flatMap((part) => (part.type === "tool-call" ? [part] : []));
    const second = toolRequest("anthropic-messages", model, calls);
    const final = await readAnswer("anthropic-messages", await gateway.post(second.path, second.body));
    expect(said(final).text).toBe(expected.text.text);
  }
});

test("claude: arguments of a call leave while they are written", async () => {
  const { path, body } = toolRequest("openai-chat", `claude/${modelOf.claude}`, []);
  const asked = { ...body, messages: [{ role: "user", content: "case-tools gate-arguments" }] };
  const response = await gateway.post(path, asked);
  let text = "";
  for await (const chunk of chunksOf(response)) {
    text += chunk;
    if (!text.includes("Zürich")) continue;
    gates.get("arguments")?.();
    gates.delete("arguments");
  }
  expect(text).toContain("Zurich");
  expect(text.split('"arguments":').length).toBeGreaterThan(5);
});

test("claude: an answer cut off by its limit says so", async () => {
  const { path, body } = requestFor("openai-chat", `claude/${modelOf.claude}`, "case-length", false);
  expect(said(await readAnswer("openai-chat", await gateway.post(path, body)))).toEqual(expected.length);
});

const parameters = { type: "object", properties: { city: { type: "string" } } } as const;
type Call = { readonly id: string; readonly name: string; readonly input: string };

/** A request with two tools; with calls, the turn that brings their results. */
function toolRequest(dialect: DialectName, model: string, calls: readonly Call[]): { path: string; body: object } {
  const names = ["get_weather", "get_time"];
  const results = ["twelve degrees", "noon"];
  switch (dialect) {
    case "openai-chat":
      return {
        path: "/v1/chat/completions",
        body: {
          model,
          stream: true,
          stream_options: { include_usage: true },
          tools: names.map((name) => ({ type: "function", function: { name, parameters } })),
          messages: [
            { role: "user", content: "case-tools" },
            ...(calls.length === 0
              ? []
              : [
                  {
                    role: "assistant",
                    content: null,
                    tool_calls: calls.map(({ id, name, input }) => ({
                      id,
                      type: "function",
                      function: { name, arguments: input },
                    })),
                  },
                ]),
            ...calls.map(({ id }, at) => ({ role: "tool", tool_call_id: id, content: results[at] })),
          ],
        },
      };
    case "openai-responses":
      return {
        path: "/v1/responses",
        body: {
          model,
          store: false,
          tools: names.map((name) => ({ type: "function", name, parameters, strict: false })),
          input: [
            { role: "user", content: "case-tools" },
            ...calls.map(({ id, name, input }) => ({ type: "function_call", call_id: id, name, arguments: input })),
            ...calls.map(({ id }, at) => ({ type: "function_call_output", call_id: id, output: results[at] })),
          ],
        },
      };
    case "anthropic-messages":
      return {
        path: "/v1/messages",
        body: {
          model,
          max_tokens: 1000,
          tools: names.map((name) => ({ name, input_schema: parameters })),
          messages: [
            { role: "user", content: "case-tools" },
            ...(calls.length === 0
              ? []
              : [
                  {
                    role: "assistant",
                    content: calls.map(({ id, name, input }) => ({
                      type: "tool_use",
                      id,
                      name,
                      input: JSON.parse(input) as JsonObject,
                    })),
                  },
                  {
                    role: "user",
                    content: calls.map(({ id }, at) => ({
                      type: "tool_result",
                      tool_use_id: id,
                      content: results[at],
                    })),
                  },
                ]),
          ],
        },
      };
    case "gemini":
      return {
        path: `/v1beta/models/${model}:generateContent`,
        body: {
          tools: [{ functionDeclarations: names.map((name) => ({ name, parameters })) }],
          contents: [
            { role: "user", parts: [{ text: "case-tools" }] },
            ...(calls.length === 0
              ? []
              : [
                  {
                    role: "model",
                    parts: calls.map(({ name, input }) => ({
                      functionCall: { name, args: JSON.parse(input) as JsonObject },
                    })),
                  },
                  {
                    role: "user",
                    parts: calls.map(({ name }, at) => ({
                      functionResponse: { name, response: { result: results[at] } },
                    })),
                  },
                ]),
          ],
        },
      };
  }
}
