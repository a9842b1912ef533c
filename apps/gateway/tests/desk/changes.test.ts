import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startDesk, type TestDesk } from "./desk.ts";

let desk: TestDesk;
afterEach(() => desk?.close());
const file = () => join(desk.gateway.home, "trunkline.yaml");

describe("two admins", () => {
  test("who change the same routes: the second is told, and nothing of the first's is lost", async () => {
    desk = await startDesk();
    const admin = desk.as("admin");
    writeFileSync(file(), `# Mine.\n${readFileSync(file(), "utf8")}`);
    const seen = (await admin("GET", "/routes")).headers.get("etag")!;
    const put = (pattern: string, tag: string) =>
      admin("PUT", "/routes", { routes: [{ pattern, targets: ["trunkline/echo"] }] }, { "if-match": tag });
    const [first, second] = await Promise.all([put("first", seen), put("second", seen)]);
    expect([first.status, second.status].toSorted()).toEqual([200, 412]);
    const winner = first.status === 200 ? "first" : "second";
    const now = await admin("GET", "/routes");
    expect(now.body.routes).toMatchObject([{ pattern: winner }]);
    expect(readFileSync(file(), "utf8")).toMatch(/^# Mine\.\n/);
    expect((await put("third", now.headers.get("etag")!)).status).toBe(200);
  });

  test("who change the same key", async () => {
    desk = await startDesk();
    const admin = desk.as("admin");
    const { key } = (await admin("POST", "/keys", { name: "both" })).body;
    const seen = (await admin("GET", `/keys/${key.id}`)).headers.get("etag")!;
    const change = (body: object) => admin("PATCH", `/keys/${key.id}`, body, { "if-match": seen });
    const both = await Promise.all([change({ rpm: 1 }), change({ rpm: 2 })]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 412]);
    // What has not changed since is no conflict.
    const fresh = (await admin("GET", `/keys/${key.id}`)).headers.get("etag")!;
    expect((await admin("PATCH", `/keys/${key.id}`, { notes: "x" }, { "if-match": `"other", ${fresh}` })).status).toBe(
      200,
    );
    const without = await admin("PATCH", `/keys/${key.id}`, { notes: "y" });
    expect([without.status, without.body.code]).toEqual([428, "if_match_missing"]);
  });
});

test("a file edited by hand while the page is open: the page's change is refused, and nothing of either is lost", async () => {
  desk = await startDesk();
  const admin = desk.as("admin");
  const seen = (await admin("GET", "/settings")).headers.get("etag")!;
  writeFileSync(file(), `${readFileSync(file(), "utf8")}log:\n  level: warn # by hand\n`);
  const changes = [{ path: ["ledger", "retention_days"], value: 9 }];
  const late = await admin("PATCH", "/settings", { changes }, { "if-match": seen });
  expect([late.status, late.body.code]).toEqual([412, "changed_meanwhile"]);
  expect(readFileSync(file(), "utf8")).not.toContain("retention_days");
  const again = (await admin("GET", "/settings")).headers.get("etag")!;
  expect((await admin("PATCH", "/settings", { changes }, { "if-match": again })).status).toBe(200);
  expect(readFileSync(file(), "utf8")).toContain("level: warn # by hand");
  await expect
    .poll(async () => (await admin("GET", "/settings")).body.values.ledger.retention_days, { interval: 50 })
    .toBe(9);
});

describe("settings", () => {
  test("are shown without their secrets, and a mask is never written", async () => {
    desk = await startDesk(
      {
        providers: {
          shop: {
            preset: "openai",
            api_key: "sk-plain-and-secret",
            headers: { "x-extra": "also-secret" },
            models: ["m"],
          },
          other: { preset: "openai", api_key: "${SOME_KEY}", models: ["m"] },
        },
      },
      { SOME_KEY: "sk-of-the-environment" },
    );
    const admin = desk.as("admin");
    const { text, body, headers } = await admin("GET", "/settings");
    for (const secret of ["sk-plain-and-secret", "also-secret", "sk-of-the-environment"])
      expect(text).not.toContain(secret);
    expect(body.written.providers.other.api_key).toBe("${SOME_KEY}");
    const tag = headers.get("etag")!;
    const masked = [{ path: ["providers", "shop", "api_key"], value: body.values.providers.shop.api_key }];
    expect((await admin("PATCH", "/settings", { changes: masked }, { "if-match": tag })).status).toBe(400);
    const preview = await admin("POST", "/settings/preview", {
      changes: [{ path: ["providers", "shop", "models"], value: ["m", "n"] }],
    });
    expect(preview.text).not.toContain("sk-plain-and-secret");
    expect(preview.body).toMatchObject({ valid: true });
    expect(preview.body.diff.some(({ kind }: { kind: string }) => kind === "added")).toBe(true);
  });

  test("with a mistake are refused, with where it is", async () => {
    desk = await startDesk();
    const admin = desk.as("admin");
    const changes = [{ path: ["server", "prot"], value: 1 }];
    const before = readFileSync(file(), "utf8");
    expect((await admin("POST", "/settings/preview", { changes })).body).toMatchObject({
      valid: false,
      problems: [expect.stringContaining("server.prot: unknown setting")],
    });
    const refused = await admin("PATCH", "/settings", { changes }, { "if-match": "*" });
    expect([refused.status, refused.body.detail]).toEqual([400, expect.stringContaining("server.prot")]);
    expect(readFileSync(file(), "utf8")).toBe(before);
  });

  test("can be gone back to", async () => {
    desk = await startDesk();
    const admin = desk.as("admin");
    const set = (value: number) =>
      admin("PATCH", "/settings", { changes: [{ path: ["server", "drain_seconds"], value }] }, { "if-match": "*" });
    const first = readFileSync(file(), "utf8");
    expect((await set(3)).status).toBe(200);
    expect((await set(4)).status).toBe(200);
    const { items } = (await admin("GET", "/settings/history")).body;
    expect(items).toMatchObject([{ actor: "user:admin" }, { actor: "user:admin" }]);
    const oldest = items.at(-1)!.id as string;
    expect((await admin("GET", `/settings/history/${oldest}`)).body.diff).toContainEqual({
      kind: "removed",
      text: expect.stringContaining("drain_seconds"),
    });
    expect((await admin("POST", `/settings/history/${oldest}/restore`, undefined, { "if-match": "*" })).status).toBe(
      200,
    );
    expect(readFileSync(file(), "utf8")).toBe(first);
    // Going back can be gone back from.
    expect((await admin("GET", "/settings/history")).body.items).toHaveLength(3);
  });
});

describe("keys", () => {
  test("are made, used, limited, rotated and revoked, and the log tells all of it", async () => {
    desk = await startDesk();
    const admin = desk.as("admin");
    const made = await admin("POST", "/keys", { name: "life", models: ["trunkline/*"], user: "anna" });
    expect(made.status).toBe(201);
    const { key, secret } = made.body;
    const chat = (bearer: string, model = "trunkline/echo") =>
      fetch(`${desk.gateway.origin}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
        body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
      });
    expect((await chat(secret)).status).toBe(200);
    // The secret is in that answer and nowhere else.
    const listed = await admin("GET", "/keys");
    expect(listed.text).not.toContain(secret);
    expect(listed.body.items).toContainEqual(key);
    const rotated = await admin("POST", `/keys/${key.id}/rotate`, { grace_seconds: 3600 });
    expect((await chat(rotated.body.secret)).status).toBe(200);
    expect((await chat(secret)).status).toBe(200);
    expect((await admin("POST", `/keys/${key.id}/revoke`)).body.state).toBe("revoked");
    await expect.poll(async () => (await chat(rotated.body.secret)).status).toBe(403);
    expect((await admin("POST", `/keys/${key.id}/restore`)).body.state).toBe("active");
    const { items } = (await admin("GET", `/audit?target=${key.id}`)).body;
    expect(items.map(({ action }: { action: string }) => action)).toEqual([
      "key.restore",
      "key.revoke",
      "key.rotate",
      "key.create",
    ]);
    expect(JSON.stringify(items)).not.toContain(secret);
  });

  test("with the same idempotency key are made once", async () => {
    desk = await startDesk();
    const admin = desk.as("admin");
    const make = (name: string) => admin("POST", "/keys", { name }, { "idempotency-key": "one" });
    const [first, again] = await Promise.all([make("once"), make("once")]);
    const statuses = [first.status, again.status].toSorted();
    expect([
      [201, 201],
      [201, 409],
    ]).toContainEqual(statuses);
    const replayed = await make("once");
    const original = first.status === 201 ? first : again;
    expect([replayed.status, replayed.body]).toEqual([201, original.body]);
    expect(replayed.headers.get("idempotency-replayed")).toBe("true");
    expect((await make("other")).status).toBe(409);
    const names = (await admin("GET", "/keys")).body.items.map(({ name }: { name: string }) => name);
    expect(names.filter((name: string) => name === "once")).toHaveLength(1);
    // What failed is not kept: it may be tried again.
    const bad = () => admin("POST", "/keys", { nam: "x" }, { "idempotency-key": "two" });
    expect([(await bad()).status, (await bad()).status]).toEqual([400, 400]);
  });
});

test("lists come in pages, and a cursor that is none is told", async () => {
  desk = await startDesk();
  const admin = desk.as("admin");
  for (const name of ["a", "b", "c"]) await admin("POST", "/keys", { name });
  const names: string[] = [];
  let cursor = "";
  do {
    const { body } = await admin("GET", `/keys?limit=2${cursor}`);
    names.push(...body.items.map(({ name }: { name: string }) => name));
    cursor = body.next === null ? "" : `&cursor=${encodeURIComponent(body.next)}`;
  } while (cursor !== "");
  expect(names).toEqual(["c", "b", "a", "first"]);
  for (const path of ["/keys", "/exchanges", "/audit", "/alerts", "/tasks", "/sessions"]) {
    const answer = await admin("GET", `${path}?cursor=none%20of%20it`);
    expect([path, answer.status, answer.body.parameter]).toEqual([path, 400, "cursor"]);
  }
  expect((await admin("GET", "/keys?limit=0")).status).toBe(400);
  expect((await admin("GET", "/keys?limt=1")).body.detail).toContain("'limt' in the query");
});

describe("requests", () => {
  test("are found by what they were, shown with their trace, and exported", async () => {
    desk = await startDesk({ ledger: { store_content: true } });
    const admin = desk.as("admin");
    const { key, secret } = (await admin("POST", "/keys", { name: "=cmd()", user: "anna" })).body;
    const chat = (model: string, id: string) =>
      fetch(`${desk.gateway.origin}/v1/chat/completions`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${secret}`,
          "content-type": "application/json",
          "x-request-id": id,
          "user-agent": "=HYPERLINK(1)",
        },
        body: JSON.stringify({ model, messages: [{ role: "user", content: "a secret of mine" }] }),
      }).then((answer) => answer.text());
    await chat("trunkline/echo", "wanted-request-1");
    await chat("nothing/there", "wanted-request-2");
    await desk.gateway.started.gateway.flush();
    const find = async (query: string) =>
      ((await admin("GET", `/exchanges?${query}`)).body.items as { id: string }[]).map(({ id }) => id);
    expect(await find("key=%3Dcmd()")).toEqual(["wanted-request-2", "wanted-request-1"]);
    expect(await find(`key=${key.id}&outcome=ok`)).toEqual(["wanted-request-1"]);
    expect(await find("user=anna&status=404")).toEqual(["wanted-request-2"]);
    expect(await find("id=wanted-request&error_code=model_not_found")).toEqual(["wanted-request-2"]);
    expect(await find("user=nobody")).toEqual([]);
    expect(await find(`since=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
    const detail = (await admin("GET", "/exchanges/wanted-request-1")).body;
    expect(detail).toMatchObject({
      exchange: { key_name: "=cmd()", provider: "trunkline", client: "=HYPERLINK(1)" },
      attempts: [{ provider: "trunkline", skipped: false }],
      content: { request: expect.stringContaining("a secret of mine"), truncated: false },
    });
    // Content is not for everybody.
    expect((await desk.as("operator")("GET", "/exchanges/wanted-request-1")).body.content).toBeNull();
    const csv = (await admin("GET", "/exchanges/export?format=csv&user=anna")).text.split("\r\n");
    expect(csv[0]).toMatch(/^id,time,/);
    // A spreadsheet would run what begins like a formula.
    expect(csv[1]).toContain(",'=cmd(),");
    expect(csv[1]).toContain(",'=HYPERLINK(1),");
    const lines = (await admin("GET", "/exchanges/export?format=ndjson")).text.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toContain("wanted-request-2");
  });

  test("are shown as they end", async () => {
    desk = await startDesk();
    const admin = desk.as("admin");
    const { secret } = (await admin("POST", "/keys", { name: "live" })).body;
    const stop = new AbortController();
    const cookie = await desk.signIn("admin", "correct horse battery");
    const stream = await fetch(`${desk.gateway.origin}/admin/api/exchanges/live?key=live`, {
      headers: { cookie, "sec-fetch-site": "same-origin" },
      signal: stop.signal,
    });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain("event: begin");
    await fetch(`${desk.gateway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "trunkline/echo", messages: [{ role: "user", content: "hi" }] }),
    });
    let text = "";
    while (!text.includes('"key_name":"live"')) text += (await reader.read()).value ?? "";
    expect(text).toContain("event: exchange");
    stop.abort();
  });

  test("make statistics", async () => {
    desk = await startDesk();
    const admin = desk.as("admin");
    const { secret } = (await admin("POST", "/keys", { name: "sums" })).body;
    for (let turn = 0; turn < 3; turn++)
      await fetch(`${desk.gateway.origin}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "trunkline/echo", messages: [{ role: "user", content: "hi" }] }),
      });
    await desk.gateway.started.gateway.flush();
    const { body } = await admin("GET", "/statistics?bucket=all&by=key");
    expect(body.rows).toMatchObject([{ name: "sums", requests: 3, errors: 0, cost_usd: 0 }]);
    expect((await admin("GET", "/statistics?bucket=minute&since=2020-01-01T00:00:00Z")).status).toBe(400);
    expect((await admin("GET", "/health")).body).toMatchObject({ status: "ok", providers: { ok: 1 } });
  });
});
