import { startPostgres, type TestPostgres } from "@trunkline/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPair } from "./harness.ts";

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
