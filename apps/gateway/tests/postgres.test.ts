import { cpSync } from "node:fs";
import { join } from "node:path";
import { startPostgres, type TestPostgres } from "@trunkline/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPair, temporaryFolder } from "./harness.ts";
import { chatTask, postTask, readTask, startDesk } from "./jobs/desk.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.close());

test("the whole gateway on PostgreSQL: keys, exchanges, stored responses, health", async () => {
  const { gateway, close } = await startPair(undefined, { database: postgres.address });
  expect(gateway.key).toMatch(/^tl-/);
  const first = (await (
    await gateway.post("/v1/responses", { model: "u-anthropic/claude-sonnet-4-5", input: "Hello" })
  ).json()) as { id: string };
  const second = await gateway.post("/v1/responses", {
    model: "u-anthropic/claude-sonnet-4-5",
    input: "More",
    previous_response_id: first.id,
  });
  expect(second.status).toBe(200);
  expect((await gateway.get(`/v1/responses/${first.id}`)).status).toBe(200);
  const rows = () =>
    gateway.started.gateway.store.database.selectFrom("exchanges").select(["model", "cost_nano_usd"]).execute();
  await expect
    .poll(async () => (await rows()).map((row) => [row.model, Number(row.cost_nano_usd)]))
    .toEqual([
      ["claude-sonnet-4-5", 176 * 3000 + 1024 * 300 + 9 * 15_000],
      ["claude-sonnet-4-5", 176 * 3000 + 1024 * 300 + 9 * 15_000],
    ]);
  expect(await (await gateway.get("/v1/health")).json()).toMatchObject({ status: "ok", database: "ok" });
  await close();
});

test("work in the background on PostgreSQL, two gateways beside one database: each task once", async () => {
  const database = await postgres.database("jobs");
  const first = await startDesk(undefined, {}, undefined, { database });
  const folder = temporaryFolder();
  cpSync(join(first.gateway.home, "secret.key"), join(folder.path, "secret.key"));
  const second = await startDesk(undefined, {}, folder.path, {
    database,
    providers: first.gateway.started.config.providers,
  });
  try {
    const made = await Promise.all(Array.from({ length: 30 }, () => postTask(first.gateway, chatTask())));
    expect(new Set(made.map(({ status }) => status))).toEqual(new Set([202]));
    for (const { body } of made)
      await expect.poll(async () => (await readTask(first.gateway, body.id)).status).toBe("succeeded");
    expect(first.upstream.received.length).toBe(30);
    const taken = await first.gateway.started.gateway.store.database
      .selectFrom("tasks")
      .select("holder")
      .distinct()
      .execute();
    expect(taken.length).toBeGreaterThan(0);
  } finally {
    await second.close();
    await first.close();
    folder.remove();
  }
});
