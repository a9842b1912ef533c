import { createServer, type IncomingHttpHeaders } from "node:http";
import { createHmac } from "node:crypto";
import { SMTPServer } from "smtp-server";
import { afterEach, describe, expect, test } from "vitest";
import { startDesk, type Json, type TestDesk } from "./desk.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

type Got = { path: string; headers: IncomingHttpHeaders; body: string };

/** Takes messages; the first ones are refused as often as it is told to. */
async function startReceiver(refusals = 0) {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      got.push({ path: request.url!, headers: request.headers, body: Buffer.concat(pieces).toString() });
      response.writeHead(refusals-- > 0 ? 503 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  });
  return { got, origin: `http://127.0.0.1:${(server.address() as { port: number }).port}` };
}

const often = { alerts: { check_seconds: 0.1 } };

async function start(config: object = {}): Promise<TestDesk> {
  const desk = await startDesk({ ...often, ...config });
  open.push(desk);
  return desk;
}

async function addChannel(desk: TestDesk, kind: string, settings: object, name = kind) {
  const answer = await desk.as("admin")("POST", "/alert-channels", { name, kind, settings });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return answer.body as { channel: { id: string; settings: Record<string, string> }; secret: string | null };
}

describe("a budget that is used up", () => {
  test("is told once, signed, and stands in the list", async () => {
    const desk = await start({ prices: [{ provider: "trunkline", model: "*", input: 100, output: 100 }] });
    const receiver = await startReceiver(1);
    const { secret } = await addChannel(desk, "webhook", { url: `${receiver.origin}/hook` });
    const admin = desk.as("admin");
    const made = await admin("POST", "/keys", { name: "poor", budgets: [{ usd: 0.001, per: "day" }] });
    const warned = await admin("POST", "/keys", {
      name: "warned",
      budgets: [{ usd: 1000, soft_usd: 0.00001, per: "day" }],
    });
    const chat = (key: string) =>
      fetch(`${desk.gateway.origin}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({
          model: "trunkline/echo",
          max_tokens: 1,
          messages: [{ role: "user", content: "hello ".repeat(20) }],
        }),
      }).then((answer) => answer.status);
    expect(await chat(warned.body.secret)).toBe(200);
    await expect.poll(() => chat(made.body.secret), { interval: 20 }).toBe(429);
    const hard = () => receiver.got.filter(({ body }) => body.includes("budget_hard"));
    // The first message of all was refused, and sent again.
    await expect.poll(() => hard().length).toBeGreaterThan(0);
    await expect.poll(() => receiver.got.some(({ body }) => body.includes("budget_soft"))).toBe(true);
    const { headers, body } = hard().at(-1)!;
    const key = Buffer.from(secret!.slice("whsec_".length), "base64");
    const signed = `${headers["webhook-id"] as string}.${headers["webhook-timestamp"] as string}.${body}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(JSON.parse(body)).toMatchObject({
      type: "alert.budget_hard",
      data: { title: "The budget of key 'poor' is used up" },
    });
    const events = async () => (await admin("GET", "/alerts")).body.items as { kind: string; deliveries: unknown }[];
    await expect
      .poll(async () => (await events()).filter(({ kind }) => kind === "budget_hard"))
      .toMatchObject([{ deliveries: [{ channel: "webhook", problem: null }] }]);
    const delivered = new Set(hard().map(({ headers: { "webhook-id": id } }) => id));
    expect(delivered.size).toBe(1);
  });
});

describe("channels", () => {
  test.each([
    ["slack", (body: Json) => expect(body.text).toMatch(/^\*A test of Trunkline's alerts\*\n/)],
    ["discord", (body: Json) => expect(body).toMatchObject({ allowed_mentions: { parse: [] } })],
    [
      "teams",
      (body: Json) =>
        expect(body.attachments[0]).toMatchObject({ contentType: "application/vnd.microsoft.card.adaptive" }),
    ],
  ] as const)("%s gets what it takes, and its address is not shown", async (kind, check) => {
    const desk = await start();
    const receiver = await startReceiver();
    const { channel } = await addChannel(desk, kind, { url: `${receiver.origin}/services/T0/very-secret` });
    expect(channel.settings["url"]).toBe(`${receiver.origin}/••••••••`);
    const admin = desk.as("admin");
    expect((await admin("POST", `/alert-channels/${channel.id}/test`)).body).toEqual({ ok: true, problem: null });
    expect(receiver.got[0]!.path).toBe("/services/T0/very-secret");
    check(JSON.parse(receiver.got[0]!.body));
    // What is masked stays when the rest is changed.
    const path = `/alert-channels/${channel.id}`;
    await admin("PATCH", path, { name: "new", settings: channel.settings }, { "if-match": "*" });
    expect((await admin("POST", `${path}/test`)).body.ok).toBe(true);
  });

  test("e-mail goes through a server that wants a name and password", async () => {
    const mails: string[] = [];
    const server = new SMTPServer({
      authOptional: false,
      disabledCommands: ["STARTTLS"],
      onAuth: ({ username, password }, _session, done) =>
        username === "me" && password === "mail password"
          ? done(null, { user: "me" })
          : done(new Error("wrong name or password")),
      onData(stream, _session, done) {
        let text = "";
        stream.on("data", (piece: Buffer) => (text += piece.toString()));
        stream.on("end", () => {
          mails.push(text);
          done();
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({ close: () => new Promise<void>((resolve) => server.close(() => resolve())) });
    const { port } = server.server.address() as { port: number };
    const desk = await start({ alerts: { check_seconds: 60, attempts: 1 } });
    const settings = { to: "ops@example.com", from: "gateway@example.com", host: "127.0.0.1", port: String(port) };
    const good = await addChannel(desk, "email", { ...settings, user: "me", password: "mail password" });
    const bad = await addChannel(desk, "email", { ...settings, user: "me", password: "wrong" }, "bad");
    const admin = desk.as("admin");
    expect((await admin("POST", `/alert-channels/${good.channel.id}/test`)).body).toEqual({ ok: true, problem: null });
    expect(mails[0]).toMatch(/^Subject: Trunkline: A test of Trunkline's alerts$/m);
    expect((await admin("POST", `/alert-channels/${bad.channel.id}/test`)).body).toMatchObject({
      ok: false,
      problem: expect.stringContaining("wrong name or password"),
    });
    expect((await admin("GET", "/alert-channels")).text).not.toContain("mail password");
  });

  test("say what is wrong with them", async () => {
    const desk = await start();
    const make = async (kind: string, settings: object) =>
      (await desk.as("admin")("POST", "/alert-channels", { name: "x", kind, settings })).body.detail as string;
    expect(await make("webhook", { url: "ftp://x" })).toContain("'settings.url'");
    expect(await make("slack", {})).toContain("'settings.url'");
    expect(await make("email", { to: "nobody", from: "a@b.c", host: "h" })).toContain("'settings.to'");
    expect(await make("slack", { url: "https://a.example", secret: "x" })).toContain("'settings.secret' is not known");
  });
});

test("many errors, failed sign-ins and a plan are told of; what is switched off is not", async () => {
  const desk = await start();
  const receiver = await startReceiver();
  await addChannel(desk, "webhook", { url: receiver.origin });
  const admin = desk.as("admin");
  const set = (kind: string, body: object) => admin("PATCH", `/alert-rules/rule_${kind}`, body, { "if-match": "*" });
  expect((await set("sign_in_failures", { threshold: 2 })).status).toBe(200);
  expect((await set("disk_low", { threshold: 100 })).status).toBe(200);
  expect((await set("daily_report", { enabled: true, threshold: 0 })).status).toBe(200);
  expect((await set("error_rate", { enabled: false })).status).toBe(200);
  for (const name of ["viewer", "operator"]) await desk.withCookie("")("POST", "/session", { name, password: "wrong" });
  const kinds = () => new Set(receiver.got.map(({ body }) => (JSON.parse(body) as { type: string }).type));
  await expect.poll(kinds).toEqual(new Set(["alert.sign_in_failures", "alert.disk_low", "alert.daily_report"]));
});
