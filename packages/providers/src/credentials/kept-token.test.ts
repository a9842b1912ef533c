import type { CredentialRecord, KeptCredential } from "@trunkline/contracts";
import { GatewayError } from "@trunkline/contracts";
import { expect, test } from "vitest";
import type { CredentialStore } from "./credential-store.ts";
import { createKeptToken, CredentialRefused, type Renewed } from "./kept-token.ts";

const hour = 3_600_000;
const of = (
  accessToken: string | null,
  obtainedAt: number,
  expiresAt: number | null,
  renewal: string | null = "again",
): KeptCredential => ({
  accessToken,
  expiresAt,
  obtainedAt,
  renewal,
  scope: null,
  subject: null,
  origin: null,
});

/** One row, as a database would keep it, and a clock set by hand. */
function world(first: KeptCredential | undefined) {
  const clock = { now: 1_000_000_000 };
  let row: (CredentialRecord & { lockedUntil: number }) | undefined;
  const set = (credential: KeptCredential) => {
    row = {
      credential,
      state: "ready",
      problem: null,
      skewMs: 0,
      version: (row?.version ?? 0) + 1,
      updatedAt: clock.now,
      lockedUntil: 0,
    };
  };
  if (first) set(first);
  const store: CredentialStore = {
    load: async () => row,
    put: async (_provider, change) => set(change.credential),
    async lock(_provider, version, until) {
      if (!row || row.version !== version || row.lockedUntil > clock.now) return false;
      row = { ...row, lockedUntil: until };
      return true;
    },
    async renew(_provider, version, change) {
      if (row?.version !== version) return false;
      row = { ...row, ...change, version: version + 1, lockedUntil: 0 };
      return true;
    },
    async unlock() {
      if (row) row = { ...row, lockedUntil: 0 };
    },
  };
  const made = { count: 0 };
  const source = (renew?: (kept: KeptCredential) => Promise<Renewed>) =>
    createKeptToken({
      provider: "p",
      store,
      earlyMs: 300_000,
      now: () => clock.now,
      renew:
        renew ??
        (async (kept) => {
          made.count++;
          await Promise.resolve();
          return {
            skewMs: 0,
            credential: {
              ...kept,
              accessToken: `token-${made.count}`,
              obtainedAt: clock.now,
              expiresAt: clock.now + hour,
            },
          };
        }),
    });
  return { clock, source, made, set, row: () => row };
}

test("a token is used until shortly before its end, renewed early behind the requests, and never sent in its last moments", async () => {
  const { clock, source, made } = world(of("token-0", 1_000_000_000, 1_000_000_000 + hour));
  const tokens = source();
  expect(await tokens.obtain()).toBe("token-0");
  clock.now += hour - 301_000;
  expect([tokens.current(), made.count]).toEqual(["token-0", 0]);
  clock.now += 2000;
  // Due: this request still goes with the old one.
  expect(tokens.current()).toBe("token-0");
  await expect.poll(() => tokens.current()).toBe("token-1");
  expect(made.count).toBe(1);
  clock.now += hour - 10_000;
  expect(tokens.current()).toBeUndefined();
  expect(await tokens.obtain()).toBe("token-2");
});

test("twenty that ask at once, of two processes, make one exchange", async () => {
  const { source, made } = world(of(null, 0, null));
  const [first, second] = [source(), source()];
  const all = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? first : second).obtain()));
  expect([new Set(all), made.count]).toEqual([new Set(["token-1"]), 1]);
});

test("a short-lived token is renewed when a quarter of its life is left", async () => {
  const { clock, source, made } = world(of("token-0", 1_000_000_000, 1_000_000_000 + 60_000));
  const tokens = source();
  await tokens.obtain();
  clock.now += 44_000;
  expect([tokens.current(), made.count]).toEqual(["token-0", 0]);
  clock.now += 2000;
  tokens.current();
  await expect.poll(() => made.count).toBe(1);
});

test("a clock that was set back makes a token worthless: when it ends is not known any more", async () => {
  const { clock, source, made } = world(of("token-0", 1_000_000_000, 1_000_000_000 + hour));
  const tokens = source();
  await tokens.obtain();
  clock.now -= 2 * hour;
  expect(tokens.current()).toBeUndefined();
  expect(await tokens.obtain()).toBe("token-1");
  expect(made.count).toBe(1);
});

test("a refusal is final and kept; a failure is tried again after a while, not at once", async () => {
  const refused = world(of(null, 0, null));
  const tokens = refused.source(async () => {
    refused.made.count++;
    throw new CredentialRefused("revoked by its owner");
  });
  await expect(tokens.obtain()).rejects.toMatchObject({
    code: "account_signed_out",
    message: expect.stringContaining("revoked by its owner"),
  });
  await expect(tokens.obtain()).rejects.toMatchObject({ code: "account_signed_out" });
  expect([refused.made.count, refused.row()]).toEqual([
    1,
    expect.objectContaining({ state: "revoked", problem: "revoked by its owner" }),
  ]);
  expect(await tokens.report()).toMatchObject({ state: "signed-out", reason: "revoked by its owner" });

  const down = world(of(null, 0, null));
  const trying = down.source(async () => {
    down.made.count++;
    throw new GatewayError("upstream_unreachable", "down");
  });
  for (const at of [0, 1000]) {
    down.clock.now += at;
    await expect(trying.obtain()).rejects.toMatchObject({ code: "upstream_unreachable" });
  }
  expect([down.made.count, (await trying.report()).state]).toEqual([1, "resting"]);
  down.clock.now += 2000;
  await expect(trying.obtain()).rejects.toMatchObject({ code: "upstream_unreachable" });
  expect(down.made.count).toBe(2);
});

test("what another process has renewed is taken over; what cannot be renewed ends as expired", async () => {
  const { clock, source, made, set } = world(of("token-0", 1_000_000_000, 1_000_000_000 + hour));
  const tokens = source();
  await tokens.obtain();
  set(of("token-of-another", clock.now, clock.now + hour));
  expect(await tokens.insteadOf("token-0")).toBe("token-of-another");
  expect(made.count).toBe(0);
  set(of("last", clock.now, clock.now + hour, null));
  expect(await tokens.obtain()).toBe("last");
  clock.now += 2 * hour;
  await expect(tokens.obtain()).rejects.toMatchObject({ code: "account_signed_out" });
  expect(await tokens.report()).toMatchObject({ state: "signed-out", reason: expect.stringContaining("has run out") });
});
