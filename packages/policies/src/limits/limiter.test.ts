import { noLimits, type LimitRules } from "@trunkline/contracts";
import { expect, test } from "vitest";
import { createLimiter } from "./limiter.ts";
import type { LimitQuestion } from "./question.ts";

const ledger = { reserve: async () => [], read: async () => [], release: async () => {}, prepare: async () => {} };
const question = (id: string, rules: Partial<LimitRules>, now = 0): LimitQuestion => ({
  id,
  subjects: [{ name: "key:k", label: "The key 'k'", rules: { ...noLimits, ...rules } }],
  inputTokens: 10,
  outputTokens: 10,
  cost: 0,
  now,
});

test("a place nobody gives back is free again once its lease is over, unless it is renewed", async () => {
  const limiter = createLimiter(ledger);
  expect(await limiter.enter(question("1", { concurrent: 1 }))).toMatchObject({ granted: true });
  expect(await limiter.enter(question("2", { concurrent: 1 }, 179_999))).toMatchObject({ granted: false });
  limiter.renew(["1"], 170_000);
  expect(await limiter.enter(question("3", { concurrent: 1 }, 349_999))).toMatchObject({ granted: false });
  expect(await limiter.enter(question("4", { concurrent: 1 }, 350_000))).toMatchObject({ granted: true });
  limiter.leave("1", { inputTokens: 0, outputTokens: 0 });
  expect(await limiter.enter(question("5", { concurrent: 1 }, 350_000))).toMatchObject({ granted: false });
});

test("what a request used counts in the minute it began in, and no other", async () => {
  const limiter = createLimiter(ledger);
  await limiter.enter(question("1", { tpm: 100 }));
  await limiter.enter(question("2", { tpm: 100 }, 60_000));
  limiter.leave("1", { inputTokens: 1000, outputTokens: 0 });
  expect(await limiter.enter(question("3", { tpm: 100 }, 60_001))).toMatchObject({ granted: true });
  limiter.leave("2", { inputTokens: 100, outputTokens: 0 });
  expect(await limiter.enter(question("4", { tpm: 100 }, 60_002))).toMatchObject({ granted: false });
  // A clock set back by more than a minute.
  expect(await limiter.enter(question("5", { tpm: 100 }, -60_000))).toMatchObject({ granted: true });
});

test("a request refused by one of its limits holds nothing of the others", async () => {
  const limiter = createLimiter(ledger);
  const both = {
    ...question("1", { concurrent: 1 }),
    subjects: [
      { name: "key:k", label: "", rules: { ...noLimits, concurrent: 1 } },
      { name: "user:u", label: "", rules: { ...noLimits, rpm: 1 } },
    ],
  };
  expect(await limiter.enter(both)).toMatchObject({ granted: true });
  limiter.leave("1", { inputTokens: 0, outputTokens: 0 });
  expect(await limiter.enter({ ...both, id: "2" })).toMatchObject({ granted: false });
  expect(await limiter.report(0)).toEqual([expect.objectContaining({ subject: "user:u", used: "1" })]);
});

test("what was set aside for a request that came too late goes back", async () => {
  const released: object[] = [];
  const limiter = createLimiter({
    ...ledger,
    reserve: async (requests) => requests.map((wishes) => ({ granted: true, used: wishes.map(() => 0) })),
    release: async (amounts) => void released.push(...amounts),
  });
  const budget = { unit: "usd", amount: 100, softAmount: null, per: "day", isRolling: false, zone: "UTC" } as const;
  const answer = await limiter.enter({ ...question("1", { budgets: [budget] }), cost: 60 });
  expect(answer).toMatchObject({ granted: true, reservations: [{ amount: 60, slot: 0 }] });
  limiter.leave("1", { inputTokens: 0, outputTokens: 0 }, answer.granted ? answer.reservations : []);
  expect(released).toMatchObject([{ amount: 60, slot: 0 }]);
  limiter.close();
});

test("a database that fails is told to who asks, and asked again by the next", async () => {
  let fails = true;
  const limiter = createLimiter({
    ...ledger,
    reserve: async (requests) => requests.map((wishes) => ({ granted: true, used: wishes.map(() => 0) })),
    prepare: async () => {
      if (fails) throw new Error("gone");
    },
  });
  const budget = { unit: "usd", amount: 100, softAmount: null, per: "day", isRolling: false, zone: "UTC" } as const;
  const rules = { budgets: [budget], concurrent: 1 };
  await expect(Promise.resolve(limiter.enter(question("1", rules)))).rejects.toThrow("gone");
  fails = false;
  expect(await limiter.enter(question("2", rules))).toMatchObject({ granted: true });
  limiter.close();
});
