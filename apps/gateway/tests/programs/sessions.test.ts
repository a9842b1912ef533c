import { asArray, asObject, type JsonObject } from "@trunkline/contracts";
import { fixtures, makeProgram, sendSse, startUpstream, type FakeUpstream } from "@trunkline/testkit";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { requestFor, startGateway, temporaryFolder, type TestGateway } from "../harness.ts";
import { installAgents, modelOf, programNames, providerFor, type ProgramName } from "./programs.ts";

let upstream: FakeUpstream;
let folder: ReturnType<typeof temporaryFolder>;
let gateway: TestGateway;

beforeAll(async () => {
  await installAgents();
  upstream = await startUpstream(({ dialect }, response) => {
    if (dialect) sendSse(response, fixtures[dialect].text.sse);
    else response.writeHead(404).end("{}");
  });
});
afterAll(() => upstream.close());
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  await gateway.close();
  folder.remove();
});

const start = async (program: ProgramName, more: object = {}) => {
  gateway = await startGateway(
    { providers: { [program]: providerFor(program, upstream.origin, more) } },
    {},
    folder.path,
  );
  return gateway;
};

type Said = { status: number; headers: Headers; body: JsonObject; heard: string };

async function say(
  model: string,
  messages: readonly JsonObject[],
  headers: Record<string, string>,
  key = gateway.key,
): Promise<Said> {
  const from = upstream.received.length;
  const response = await fetch(`${gateway.origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, messages }),
  });
  const heard = upstream.received.slice(from).filter(({ dialect }) => dialect !== undefined);
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as JsonObject,
    heard: heard.at(-1)?.text ?? "",
  };
}

const codeOf = ({ body }: Said) => asObject(body["error"])?.["code"];
const user = (content: string) => ({ role: "user", content });
const system = (content: string) => ({ role: "system", content });
let key = "";

describe.each(programNames)("%s", (program) => {
  const model = `${program}/${modelOf[program]}`;

  test("only the new turn is sent, and the conversation outlives a restart", async () => {
    await start(program);
    key = gateway.key;
    const first = await say(model, [system("Speak like a pirate."), user("The word is heron.")], {
      "x-trunkline-session": "new",
    });
    expect(first.status).toBe(200);
    expect(first.headers.get("x-claude-session-created")).toBe("true");
    const id = first.headers.get("x-trunkline-session")!;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);

    const second = await say(model, [user("And now?")], { "x-trunkline-session": id });
    expect(second.status).toBe(200);
    expect(second.headers.get("x-claude-session-created")).toBe("false");
    for (const word of ["heron", "Grüße", "And now?", "pirate"]) expect(second.heard).toContain(word);

    await gateway.close();
    await start(program);
    const third = await say(model, [user("After the restart?")], { "x-trunkline-session": id }, key);
    expect(third.status).toBe(200);
    for (const word of ["heron", "And now?", "After the restart?", "pirate"]) expect(third.heard).toContain(word);
  });

  test("another system prompt is in force from its turn on", async () => {
    await start(program);
    const first = await say(model, [system("Speak like a pirate."), user("One.")], { "x-trunkline-session": "new" });
    const id = first.headers.get("x-trunkline-session")!;
    const second = await say(model, [system("Speak like a ninja."), user("Two.")], { "x-trunkline-session": id });
    expect(second.status).toBe(200);
    expect(second.heard).toContain("ninja");
    expect(second.heard).not.toContain("pirate");
    for (const word of ["One.", "Two."]) expect(second.heard).toContain(word);
  });

  test("without a session, a conversation that goes on finds its program waiting", async () => {
    await start(program);
    const messages = [user("The word is heron.")];
    const first = await say(model, messages, {});
    const answer = asObject(asObject(asArray(first.body["choices"])[0])?.["message"])!;
    const again = [...messages, { role: "assistant", content: answer["content"] }, user("Which was it?")];
    const second = await say(model, again, {});
    expect(second.status).toBe(200);
    // Said once: a program that was told it all again would have it twice.
    expect(second.heard.split("heron")).toHaveLength(2);
    expect(second.heard).toContain("Which was it?");
  });
});

describe("what a session refuses", () => {
  const model = "pool/m";
  const said = [JSON.stringify({ event: "result", result: { status: "SUCCESS", response: "Hello" } })];

  const startPool = async (turns: object[], more: object = {}) => {
    const command = makeProgram(join(folder.path, "program"), "agy", { protocol: "lines", turns });
    const provider = {
      kind: "cli-process",
      driver: "agy",
      command,
      models: ["m"],
      warm: 0,
      accounts: [{ name: "main" }],
      ...more,
    };
    gateway = await startGateway({ providers: { pool: provider, other: provider } }, {}, folder.path);
  };

  test("another key", async () => {
    await startPool([{ lines: said }]);
    const first = await say(model, [user("hi")], { "x-trunkline-session": "new" });
    const id = first.headers.get("x-trunkline-session")!;
    const { secret } = await gateway.makeKey({ name: "other" });
    const stranger = await say(model, [user("hi")], { "x-trunkline-session": id }, secret);
    expect(stranger.status).toBe(404);
    expect(codeOf(stranger)).toBe("session_not_found");
    expect((await say(model, [user("hi")], { "x-trunkline-session": id })).status).toBe(200);
  });

  test.each(["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const)(
    "nothing of a session asked for in %s",
    async (dialect) => {
      await startPool([{ lines: said }]);
      const { path, body } = requestFor(dialect, model, "hi", false);
      const first = await gateway.post(path, body, { "x-trunkline-session": "new" });
      const id = first.headers.get("x-trunkline-session")!;
      const second = await gateway.post(path, body, { "x-trunkline-session": id });
      expect([first.status, second.status]).toEqual([200, 200]);
      expect(second.headers.get("x-claude-session-created")).toBe("false");
    },
  );

  test("two turns at once", async () => {
    await startPool([{ lines: said }, { hang: true }]);
    const first = await say(model, [user("hi")], { "x-trunkline-session": "new" });
    const id = first.headers.get("x-trunkline-session")!;
    const leaving = new AbortController();
    const running = fetch(`${gateway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}`, "x-trunkline-session": id },
      body: JSON.stringify({ model, messages: [user("second")] }),
      signal: leaving.signal,
    }).catch(() => undefined);
    await expect.poll(async () => (await gateway.get("/v1/health")).text()).toContain('"active":1');
    const busy = await say(model, [user("third")], { "x-trunkline-session": id });
    expect(busy.status).toBe(429);
    expect(codeOf(busy)).toBe("session_busy");
    expect(busy.headers.get("retry-after")).toBe("1");
    leaving.abort();
    await running;
    // The turn that was given up lets go of the session.
    await expect
      .poll(async () => (await gateway.get("/v1/health")).text())
      .toContain('"queue":{"active":0,"waiting":0}');
  });

  test("a session past its time", async () => {
    await startPool([{ lines: said }], { session_ttl_seconds: 0.001 });
    const first = await say(model, [user("hi")], { "x-trunkline-session": "new" });
    const id = first.headers.get("x-trunkline-session")!;
    await expect
      .poll(async () => codeOf(await say(model, [user("hi")], { "x-trunkline-session": id })))
      .toBe("session_not_found");
  });

  test("a provider that keeps none", async () => {
    await startPool([{ lines: said }]);
    const refused = await say("trunkline/echo", [user("hi")], { "x-trunkline-session": "new" });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain("keeps no sessions");
  });

  test("another provider's model", async () => {
    await startPool([{ lines: said }]);
    const first = await say(model, [user("hi")], { "x-trunkline-session": "new" });
    const id = first.headers.get("x-trunkline-session")!;
    const other = await say("other/m", [user("hi")], { "x-trunkline-session": id });
    expect(other.status).toBe(400);
    expect(JSON.stringify(other.body)).toContain("belongs to the provider 'pool'");
  });

  test.each([
    [{ "x-trunkline-session": "../../etc" }, 400, "invalid_header_value"],
    [{ "x-trunkline-session": "x".repeat(4000) }, 400, "invalid_header_value"],
    [{ "x-trunkline-session": "11111111-1111-4111-8111-111111111111" }, 404, "session_not_found"],
    [{ "x-trunkline-priority": "urgent" }, 400, "invalid_header_value"],
    [{ "x-claude-code": "perhaps" }, 400, "invalid_header_value"],
    [
      { "x-claude-code": "false", "x-claude-session-id": "11111111-1111-4111-8111-111111111111" },
      400,
      "invalid_header_value",
    ],
    [{ "x-claude-code": "true" }, 503, "provider_unavailable"],
  ] as const)("%o", async (headers, status, code) => {
    await startPool([{ lines: said }]);
    const refused = await say(model, [user("hi")], headers);
    expect(refused.status).toBe(status);
    expect(codeOf(refused)).toBe(code);
  });
});

describe("the headers of claude-cli-api", () => {
  test("X-Claude-Code has Claude Code answer in a session, whatever the model is called", async () => {
    await start("claude");
    const first = await say("gpt-4", [user("The word is heron.")], { "x-claude-code": "yes" });
    expect(first.status).toBe(200);
    expect(first.headers.get("x-backend-mode")).toBe("claude-code");
    expect(first.headers.get("x-claude-session-created")).toBe("true");
    expect(first.headers.get("x-trunkline-provider")).toBe("claude");
    const id = first.headers.get("x-claude-session-id")!;
    const second = await say("gpt-4", [user("Which was it?")], { "x-claude-session-id": id });
    expect(second.body).not.toHaveProperty("error");
    expect(second.headers.get("x-claude-session-created")).toBe("false");
    expect(second.headers.get("x-claude-session-id")).toBe(id);
    expect(second.heard).toContain("heron");
    const without = await say("trunkline/echo", [user("hi")], { "x-claude-code": "0" });
    expect(without.headers.get("x-backend-mode")).toBe("openai-passthrough");
    expect((await say(modelOf.claude, [user("hi")], { "x-claude-code": "no" })).status).toBe(404);
  });
});
