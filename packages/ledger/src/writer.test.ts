import { type ExchangeRecord } from "@trunkline/contracts";
import type { PricedExchange } from "@trunkline/store";
import { expect, test, vi } from "vitest";
import { createWriter } from "./writer.ts";

const record = (id: number) => ({ id: String(id) }) as ExchangeRecord;
const ids = (batch: readonly PricedExchange[]) => batch.map((row) => row.record.id);

function writer(append: (batch: readonly PricedExchange[]) => Promise<void>, mostQueued = 10_000) {
  const dropped = vi.fn<(total: number) => void>();
  return {
    dropped,
    writer: createWriter({
      append,
      price: () => 1,
      waitMs: 1,
      lastTries: 1,
      mostQueued,
      onError: () => {},
      onDropped: dropped,
    }),
  };
}

test("rows are written in order, many to a batch", async () => {
  const batches: string[][] = [];
  const { writer: ledger } = writer(async (batch) => void batches.push(ids(batch)));
  for (let id = 0; id < 1200; id++) ledger.record(record(id));
  await ledger.flush();
  expect(batches.flat()).toEqual(Array.from({ length: 1200 }, (_, id) => String(id)));
  expect(batches.length).toBeLessThanOrEqual(3);
  expect(await ledger.close()).toBe(0);
});

test("a database that is gone keeps memory flat, drops the oldest loudly, and loses nothing else once it is back", async () => {
  let gone = true;
  const written: string[] = [];
  const { writer: ledger, dropped } = writer(async (batch) => {
    if (gone) throw new Error("database is locked");
    written.push(...ids(batch));
  }, 100);
  for (let id = 0; id < 250; id++) ledger.record(record(id));
  await expect(ledger.flush()).rejects.toThrow("locked");
  expect(ledger.queued).toBe(100);
  expect(dropped).toHaveBeenLastCalledWith(150);
  gone = false;
  await ledger.flush();
  expect(written).toEqual(Array.from({ length: 100 }, (_, index) => String(index + 150)));
  await ledger.close();
});

test("what cannot be written at the end is counted", async () => {
  const { writer: ledger } = writer(() => Promise.reject(new Error("disk full")));
  ledger.record(record(1));
  expect(await ledger.close()).toBe(1);
});
