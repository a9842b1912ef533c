import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { fixtures, sendJson } from "@trunkline/testkit";
import OpenAI, { toFile } from "openai";
import { afterEach, expect, test } from "vitest";
import { installPythonSdks } from "../sdks/python-sdks.ts";
import { goodAnswer, startDesk, type Desk } from "./desk.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

async function start(...args: Parameters<typeof startDesk>): Promise<Desk & { client: OpenAI }> {
  const desk = await startDesk(...args);
  open.push(desk);
  return {
    ...desk,
    client: new OpenAI({ baseURL: `${desk.gateway.origin}/v1`, apiKey: desk.gateway.key, maxRetries: 0 }),
  };
}

const line = (customId: string, content: string, extra: object = {}) =>
  JSON.stringify({
    custom_id: customId,
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: "up/x", messages: [{ role: "user", content }] },
    ...extra,
  });

const upload = (client: OpenAI, lines: readonly string[]) =>
  toFile(Buffer.from(lines.join("\n")), "requests.jsonl").then((file) =>
    client.files.create({ file, purpose: "batch" }),
  );

async function finished(client: OpenAI, id: string) {
  await expect
    .poll(async () => (await client.batches.retrieve(id)).status, { timeout: 60_000 })
    .toMatch(/completed|failed|expired|cancelled/);
  return client.batches.retrieve(id);
}

const linesOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .map(
      (one) =>
        JSON.parse(one) as {
          custom_id: string;
          response: { status_code: number; body: Record<string, unknown> } | null;
          error: { code: string } | null;
        },
    );

test("OpenAI's SDK: a file, a batch of it, what came of it, and what went wrong", async () => {
  const { client, upstream } = await start(({ body }, response) => {
    const asked = JSON.stringify(body["messages"]);
    if (asked.includes("refuse"))
      return sendJson(response, 400, { error: { message: "no", type: "invalid_request_error" } });
    sendJson(response, 200, fixtures["openai-chat"].text.json);
  });
  const file = await upload(client, [
    ...Array.from({ length: 25 }, (_, index) => line(`r-${index}`, "hi")),
    line("bad", "refuse"),
  ]);
  expect(file).toMatchObject({ object: "file", purpose: "batch", filename: "requests.jsonl" });
  expect((await client.files.list()).data.map(({ id }) => id)).toEqual([file.id]);
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    metadata: { who: "ada" },
  });
  expect(batch).toMatchObject({ object: "batch", status: "validating", metadata: { who: "ada" } });
  const done = await finished(client, batch.id);
  expect(done).toMatchObject({ status: "completed", request_counts: { total: 26, completed: 25, failed: 1 } });
  const output = linesOf(await (await client.files.content(done.output_file_id!)).text());
  expect(output.map(({ custom_id }) => custom_id)).toEqual(Array.from({ length: 25 }, (_, index) => `r-${index}`));
  expect(output[0]).toMatchObject({ response: { status_code: 200, body: { object: "chat.completion" } }, error: null });
  const errors = linesOf(await (await client.files.content(done.error_file_id!)).text());
  expect(errors).toMatchObject([{ custom_id: "bad", response: { status_code: 400 } }]);
  expect(upstream.received.length).toBe(26);
  const listed = [];
  for await (const one of client.batches.list({ limit: 1 })) listed.push(one.id);
  expect(listed).toEqual([batch.id]);
  expect(await client.files.delete(file.id)).toMatchObject({ id: file.id, deleted: true });
  await expect(client.files.retrieve(file.id)).rejects.toMatchObject({ status: 404 });
});

test("OpenAI's SDK for Python", async () => {
  const { gateway } = await start();
  const python = await installPythonSdks();
  const { stdout } = await promisify(execFile)(python, [join(import.meta.dirname, "batches.py")], {
    env: { PATH: process.env["PATH"], GATEWAY: gateway.origin, KEY: gateway.key },
  });
  expect(stdout.trim().split("\n").at(-1)).toBe("all passed");
});

test("a file with mistakes: every one is told with its line, and nothing is made", async () => {
  const { client, upstream } = await start();
  const file = await upload(client, [
    line("a", "hi"),
    "not json",
    line("a", "again"),
    line("c", "hi", { url: "/v1/embeddings" }),
    line("d", "hi", { body: { model: "up/x", stream: true } }),
    line("", "hi"),
  ]);
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  const done = await finished(client, batch.id);
  expect(done.status).toBe("failed");
  expect(done.errors!.data!.map(({ code, line: number }) => [code, number])).toEqual([
    ["invalid_json_line", 2],
    ["duplicate_custom_id", 3],
    ["mismatched_endpoint", 4],
    ["invalid_request", 5],
    ["missing_custom_id", 6],
  ]);
  expect(upstream.received).toEqual([]);
  const empty = await client.batches.create({
    input_file_id: (await upload(client, [" "])).id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  expect((await finished(client, empty.id)).errors!.data![0]!.code).toBe("empty_file");
});

test("cancelled: what is done stays, what is not is not made any more", async () => {
  const releases: (() => void)[] = [];
  const { client, upstream } = await start(
    async (request, response) => {
      await new Promise<void>((resolve) => releases.push(resolve));
      return goodAnswer(request, response);
    },
    { concurrency: 2 },
  );
  const file = await upload(
    client,
    Array.from({ length: 10 }, (_, index) => line(`r-${index}`, "hi")),
  );
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  await expect.poll(() => releases.length).toBe(2);
  releases[0]!();
  await expect.poll(async () => (await client.batches.retrieve(batch.id)).request_counts!.completed).toBe(1);
  expect((await client.batches.cancel(batch.id)).status).toMatch(/cancell/);
  const done = await finished(client, batch.id);
  expect(done).toMatchObject({ status: "cancelled", request_counts: { completed: 1 } });
  expect(linesOf(await (await client.files.content(done.output_file_id!)).text()).length).toBe(1);
  const left = linesOf(await (await client.files.content(done.error_file_id!)).text());
  expect([left.length, left[0]!.error!.code]).toEqual([9, "batch_cancelled"]);
  expect(upstream.received.length).toBeLessThanOrEqual(3);
  await expect(client.batches.cancel(batch.id)).rejects.toMatchObject({ status: 409 });
});

test("files: large ones in pieces, too large ones not at all, and forms that are none", async () => {
  const { client, gateway } = await start(goodAnswer, { file_limit_mb: 5 });
  const content = Buffer.alloc(4_000_000, "abcdefghij");
  const file = await client.files.create({ file: await toFile(content, "large.bin"), purpose: "user_data" });
  expect(file.bytes).toBe(content.length);
  expect(Buffer.from(await (await client.files.content(file.id)).arrayBuffer()).equals(content)).toBe(true);
  await expect(
    client.files.create({ file: await toFile(Buffer.alloc(6_000_000), "x"), purpose: "batch" }),
  ).rejects.toMatchObject({ status: 413 });
  await expect(
    client.files.create({ file: await toFile(Buffer.from("x"), "x"), purpose: "mischief" as never }),
  ).rejects.toMatchObject({ status: 400 });
  expect((await gateway.post("/v1/files", {})).status).toBe(400);
  const broken = await gateway.post("/v1/files", "--x\r\nnothing", {
    "content-type": "multipart/form-data; boundary=x",
  });
  expect([broken.status, await broken.text()]).toEqual([400, expect.stringContaining("error")]);
  const other = await gateway.makeKey({ name: "other" });
  expect((await gateway.get(`/v1/files/${file.id}/content`, { authorization: `Bearer ${other.secret}` })).status).toBe(
    404,
  );
  const rows = await gateway.started.gateway.store.database
    .selectFrom("file_chunks")
    .select("file_id")
    .distinct()
    .execute();
  expect(rows.map(({ file_id }) => file_id)).toEqual([file.id]);
});
