import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sendJson, startUpstream, type ReceivedRequest } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { chatTask, goodAnswer, postTask, readTask, startDesk, type ShownTask } from "./desk.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});
const track = <T extends { close(): unknown }>(thing: T): T => {
  open.push(thing);
  return thing;
};

test.each([
  ["/v1/chat/completions", { messages: [{ role: "user", content: "hi" }] }, "choices"],
  ["/v1/responses", { input: "hi" }, "output"],
  ["/v1/messages", { max_tokens: 10, messages: [{ role: "user", content: "hi" }] }, "content"],
  ["/v1/messages/count_tokens", { messages: [{ role: "user", content: "hi" }] }, "input_tokens"],
  ["/v1beta/models/up%2Fx:generateContent", { contents: [{ role: "user", parts: [{ text: "hi" }] }] }, "candidates"],
])("%s in the background answers what it answers in the foreground", async (endpoint, body, member) => {
  const { gateway } = track(await startDesk());
  const { status, body: task } = await postTask(gateway, { endpoint, body: { model: "up/x", ...body } });
  expect([status, task.status]).toEqual([202, "queued"]);
  await expect.poll(async () => (await readTask(gateway, task.id)).status).toBe("succeeded");
  const done = await readTask(gateway, task.id);
  expect(done.result).toMatchObject({ status: 200, body: { [member]: expect.anything() } });
  expect(done).toMatchObject({ attempts: 1, error_code: null, callback: null });
});

test("what is asked and answered cannot be read in the database file, and is another key's business to nobody", async () => {
  const { gateway } = track(await startDesk());
  const { body: task } = await postTask(
    gateway,
    chatTask({ body: { model: "up/x", messages: [{ role: "user", content: "a secret wish" }] } }),
  );
  await expect.poll(async () => (await readTask(gateway, task.id)).status).toBe("succeeded");
  const files = ["trunkline.db", "trunkline.db-wal"]
    .map((name) => readFileSync(join(gateway.home, name), "latin1"))
    .join("");
  expect(files).not.toContain("a secret wish");
  const other = await gateway.makeKey({ name: "other" });
  const asked = (path: string, method = "GET") =>
    fetch(gateway.origin + path, { method, headers: { authorization: `Bearer ${other.secret}` } });
  expect((await asked(`/v1/tasks/${task.id}`)).status).toBe(404);
  expect((await asked(`/v1/tasks/${task.id}/cancel`, "POST")).status).toBe(404);
  expect(await (await asked("/v1/tasks")).json()).toMatchObject({ data: [], has_more: false });
});

test("mistakes are told at once, in OpenAI's shape", async () => {
  const { gateway } = track(await startDesk(goodAnswer, { callbacks: { allow_addresses: [] } }));
  const mistakes: [unknown, string][] = [
    [{}, "'endpoint' must be the path of a model route"],
    [{ endpoint: "/v1/tasks", body: {} }, "'endpoint' is no model route"],
    [{ endpoint: "https://elsewhere.example/v1/chat/completions", body: {} }, "'endpoint' is no model route"],
    [{ endpoint: "/v1/chat/completions" }, "'body' must be the request's body"],
    [{ endpoint: "/v1/chat/completions", body: [] }, "'body' must be the request's body"],
    [{ endpoint: "/v1/chat/completions", body: {} }, "'body.model' must name a model"],
    [{ endpoint: "/v1/chat/completions", body: { model: "x".repeat(300) } }, "'body.model' must name a model"],
    [chatTask({ body: { model: "x", stream: true } }), "leave 'stream' out"],
    [chatTask({ callback: "https://example.com" }), "Unrecognized key"],
    [chatTask({ callback_url: "ftp://example.com" }), "'callback_url' cannot be called"],
    [chatTask({ callback_url: "http://127.0.0.1/x" }), "'callback_url' cannot be called"],
    [chatTask({ callback_url: "http://[::ffff:169.254.169.254]/x" }), "'callback_url' cannot be called"],
    [chatTask({ callback_url: `https://${"user:pass"}@example.com/` }), "holds a name or password"],
    [chatTask({ idempotency_key: "x".repeat(201) }), "'idempotency_key'"],
    [chatTask({ run_at: "tomorrow" }), "'run_at'"],
  ];
  for (const [body, message] of mistakes) {
    const answer = await postTask(gateway, body as object);
    expect([answer.status, answer.body.error.message]).toEqual([400, expect.stringContaining(message)]);
  }
  expect((await gateway.post("/v1/tasks", "{")).status).toBe(400);
  expect(
    (
      await fetch(`${gateway.origin}/v1/tasks`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      })
    ).status,
  ).toBe(401);
  expect((await gateway.get("/v1/tasks?limit=0")).status).toBe(400);
  expect((await gateway.get("/v1/tasks?status=done")).status).toBe(400);
});

test("one idempotency key stands for one task, whoever comes at once; another request with it is refused", async () => {
  const { gateway, upstream } = track(await startDesk());
  const all = await Promise.all(
    Array.from({ length: 10 }, () => postTask(gateway, chatTask({ idempotency_key: "once" }))),
  );
  expect(all.map(({ status }) => status).toSorted()).toEqual([...Array.from({ length: 9 }, () => 200), 202]);
  const [id] = new Set(all.map(({ body }) => body.id));
  expect(all.every(({ body }) => body.id === id)).toBe(true);
  await expect.poll(async () => (await readTask(gateway, id!)).status).toBe("succeeded");
  expect(upstream.received.length).toBe(1);
  const again = await postTask(gateway, chatTask(), { "idempotency-key": "once" });
  expect([again.status, again.body.id]).toEqual([200, id]);
  const other = await postTask(gateway, chatTask({ body: { model: "up/x", messages: [] }, idempotency_key: "once" }));
  expect([other.status, other.body.error.message]).toEqual([409, expect.stringContaining(id!)]);
  // Another key's is another's.
  const second = await gateway.makeKey({ name: "second" });
  expect(
    (await postTask(gateway, chatTask({ idempotency_key: "once" }), { authorization: `Bearer ${second.secret}` }))
      .status,
  ).toBe(202);
});

test("a failure that may pass is tried again; one that will not is told", async () => {
  let turn = 0;
  const { gateway } = track(
    await startDesk((request, response) => {
      if (String(request.body["model"]) === "x" && turn++ < 2)
        return sendJson(response, 503, { error: { message: "busy" } });
      return goodAnswer(request, response);
    }),
  );
  const { body: task } = await postTask(gateway, chatTask());
  await expect.poll(async () => (await readTask(gateway, task.id)).status).toBe("succeeded");
  expect((await readTask(gateway, task.id)).attempts).toBe(3);
  const wrong = await postTask(gateway, chatTask({ body: { model: "nobody/x", messages: [] } }));
  await expect.poll(async () => (await readTask(gateway, wrong.body.id)).status).toBe("failed");
  expect(await readTask(gateway, wrong.body.id)).toMatchObject({
    attempts: 1,
    error_code: "model_not_found",
    result: { status: 404 },
  });
  turn = -1000;
  const hopeless = await postTask(gateway, chatTask());
  await expect.poll(async () => (await readTask(gateway, hopeless.body.id)).status).toBe("failed");
  expect(await readTask(gateway, hopeless.body.id)).toMatchObject({ attempts: 5, result: { status: 503 } });
});

test("a key's own rules hold: its models, and whether it still works when the task's turn comes", async () => {
  const { gateway } = track(await startDesk());
  const narrow = await gateway.makeKey({ name: "narrow", models: ["other-*"] });
  const headers = { authorization: `Bearer ${narrow.secret}` };
  const refused = await postTask(gateway, chatTask(), headers);
  const read = async (id: string) => (await gateway.started.gateway.store.tasks.find(id))!;
  await expect.poll(async () => (await read(refused.body.id)).status).toBe("failed");
  expect(await read(refused.body.id)).toMatchObject({ errorCode: "model_not_allowed", result: { status: 403 } });
  const inAMinute = Math.floor(Date.now() / 1000) + 60;
  const later = await postTask(gateway, chatTask({ run_at: inAMinute }), headers);
  expect((await read(later.body.id)).status).toBe("queued");
  await gateway.started.gateway.store.keys.update(narrow.id, { active: false });
  const { database } = gateway.started.gateway.store;
  await database.updateTable("tasks").set({ run_at: 0 }).where("id", "=", later.body.id).execute();
  await expect.poll(async () => (await read(later.body.id)).status).toBe("failed");
  expect((await read(later.body.id)).errorCode).toBe("account_deactivated");
});

test("cancelled while it waits it is never made; while it runs, the upstream is let go", async () => {
  let began: () => void = () => {};
  const beginning = new Promise<void>((resolve) => (began = resolve));
  const { gateway, upstream } = track(await startDesk(() => began(), { concurrency: 1 }));
  const running = await postTask(gateway, chatTask());
  await beginning;
  const waiting = await postTask(gateway, chatTask());
  const cancel = (id: string) => gateway.post(`/v1/tasks/${id}/cancel`, {});
  expect(((await (await cancel(waiting.body.id)).json()) as ShownTask).status).toBe("cancelled");
  const aborted = upstream.nextAbort();
  expect((await cancel(running.body.id)).status).toBe(200);
  await aborted;
  expect((await cancel(running.body.id)).status).toBe(409);
  expect(await readTask(gateway, running.body.id)).toMatchObject({ status: "cancelled", result: null });
  const listed = (await (await gateway.get("/v1/tasks?status=cancelled&limit=1")).json()) as {
    data: ShownTask[];
    has_more: boolean;
    last_id: string;
  };
  expect([listed.data[0]!.id, listed.has_more]).toEqual([waiting.body.id, true]);
  const rest = (await (await gateway.get(`/v1/tasks?after=${listed.last_id}`)).json()) as { data: ShownTask[] };
  expect(rest.data.map(({ id }) => id)).toEqual([running.body.id]);
  expect(upstream.received.length).toBe(1);
});

test("so many tasks of a key may wait, and no more; another key's are its own", async () => {
  const { gateway } = track(await startDesk(() => {}, { concurrency: 1, waiting_per_key: 3 }));
  const far = Math.floor(Date.now() / 1000) + 3600;
  const later = chatTask({ run_at: far });
  for (let turn = 0; turn < 3; turn++) expect((await postTask(gateway, later)).status).toBe(202);
  const refused = await gateway.post("/v1/tasks", later);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
  const other = await gateway.makeKey({ name: "other" });
  expect((await postTask(gateway, later, { authorization: `Bearer ${other.secret}` })).status).toBe(202);
});

/** Whether a delivery is signed with a secret, as Standard Webhooks has it. */
function isSigned({ headers, text }: ReceivedRequest, secret: string): boolean {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key)
    .update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`)
    .digest("base64");
  return String(headers["webhook-signature"]).split(" ").includes(`v1,${signature}`);
}

test("a callback is signed, brings the result, and is tried again with the same id until it is taken", async () => {
  const { gateway } = track(await startDesk());
  let turn = 0;
  const receiver = track(
    await startUpstream((_request, response) => {
      turn++;
      if (turn === 1) return void response.writeHead(500).end();
      if (turn === 2) return void response.socket!.destroy();
      if (turn === 3) return void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      response.writeHead(204).end();
    }),
  );
  const { secret } = (await (await gateway.get("/v1/webhooks/secret")).json()) as { secret: string };
  const { body: task } = await postTask(gateway, chatTask({ callback_url: `${receiver.origin}/hook?x=1` }));
  await expect.poll(async () => (await readTask(gateway, task.id)).callback?.state).toBe("delivered");
  expect(receiver.received.length).toBe(4);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([task.id]));
  for (const delivery of receiver.received) {
    expect([delivery.method, delivery.path, isSigned(delivery, secret)]).toEqual(["POST", "/hook?x=1", true]);
    expect(delivery.body).toMatchObject({ type: "task.succeeded", data: { id: task.id, result: { status: 200 } } });
    expect(Math.abs(Number(delivery.headers["webhook-timestamp"]) - Date.now() / 1000)).toBeLessThan(60);
  }
  // A new secret, and the one before for as long as the receiver needs to take the new one.
  const rotated = (await (await gateway.post("/v1/webhooks/secret/rotate", {})).json()) as {
    secret: string;
    previous_until: number;
  };
  expect(rotated.secret).not.toBe(secret);
  expect((await gateway.post(`/v1/tasks/${task.id}/callback`, {})).status).toBe(200);
  await expect.poll(() => receiver.received.length).toBe(5);
  const last = receiver.received.at(-1)!;
  expect([isSigned(last, secret), isSigned(last, rotated.secret), isSigned(last, `whsec_${"A".repeat(44)}`)]).toEqual([
    true,
    true,
    false,
  ]);
});

test("a receiver that hangs, leads elsewhere, or is gone: given up after a while, kept, and delivered when it is asked for", async () => {
  const { gateway } = track(
    await startDesk(goodAnswer, {
      callbacks: {
        attempts: 3,
        first_wait_seconds: 0.02,
        longest_wait_seconds: 0.05,
        timeout_seconds: 0.2,
        allow_addresses: ["127.0.0.0/8"],
      },
    }),
  );
  const inner = track(await startUpstream((_request, response) => void response.end("inner")));
  let isWell = false;
  const receiver = track(
    await startUpstream(({ path }, response) => {
      if (isWell) return void response.end();
      if (path === "/redirect") return void response.writeHead(307, { location: inner.origin }).end();
      if (path === "/drip") return void response.writeHead(200).write("x");
      if (path === "/gone") return void response.writeHead(410).end();
    }),
  );
  const expected: [string, string, number][] = [
    [`${receiver.origin}/hang`, "it did not answer in time", 3],
    [`${receiver.origin}/redirect`, "it answered 307; redirects are not followed", 3],
    [`${receiver.origin}/gone`, "it answered 410", 1],
    ["http://127.0.0.1:1/nobody", "it cannot be reached (ECONNREFUSED)", 3],
  ];
  for (const [url, error, attempts] of expected) {
    const { body: task } = await postTask(gateway, chatTask({ callback_url: url }));
    await expect.poll(async () => (await readTask(gateway, task.id)).callback?.state).toBe("dead");
    expect((await readTask(gateway, task.id)).callback).toMatchObject({ error, attempts });
  }
  expect(inner.received).toEqual([]);
  // An answer that began well is an answer.
  const drip = await postTask(gateway, chatTask({ callback_url: `${receiver.origin}/drip` }));
  await expect.poll(async () => (await readTask(gateway, drip.body.id)).callback?.state).toBe("delivered");
  isWell = true;
  const dead = (await (await gateway.get("/v1/tasks?callback=dead")).json()) as { data: ShownTask[] };
  expect(dead.data.length).toBe(4);
  const { id } = dead.data.at(-1)!;
  await gateway.post(`/v1/tasks/${id}/callback`, {});
  await expect
    .poll(async () => (await readTask(gateway, id)).callback)
    .toMatchObject({ state: "delivered", attempts: 1, error: null });
});

test("a name that resolves to this machine is not called", async () => {
  const { gateway } = track(await startDesk(goodAnswer, { callbacks: { attempts: 1, allow_addresses: [] } }));
  const receiver = track(await startUpstream((_request, response) => void response.end()));
  const { body: task, status } = await postTask(
    gateway,
    chatTask({ callback_url: `http://localhost:${new URL(receiver.origin).port}/` }),
  );
  expect(status).toBe(202);
  await expect.poll(async () => (await readTask(gateway, task.id)).callback?.state).toBe("dead");
  expect((await readTask(gateway, task.id)).callback!.error).toBe("its address is not on the public internet");
  expect(receiver.received).toEqual([]);
});
