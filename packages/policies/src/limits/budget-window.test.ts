import type { Budget } from "@trunkline/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { budgetWindow } from "./budget-window.ts";

const budget = (per: Budget["per"], zone = "UTC", isRolling = false): Budget => ({
  unit: "usd",
  amount: 1,
  softAmount: null,
  per,
  isRolling,
  zone,
});
const at = (text: string) => Date.parse(text);
const iso = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

describe("the calendar's stretches", () => {
  test.each([
    // Day of 23 hours: on 2026-03-29 Berlin's clocks go from 02:00 to 03:00.
    ["day", "Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"],
    // Day of 25 hours, by its first and its last minute.
    ["day", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"],
    ["day", "Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"],
    // The hour that comes twice, both times.
    ["hour", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"],
    ["hour", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    // A day that begins at 01:00, for midnight does not exist.
    ["day", "America/Asuncion", "2023-10-01T12:00:00Z", "2023-10-01T04:00:00Z", "2023-10-02T03:00:00Z"],
    ["hour", "Asia/Kolkata", "2026-05-05T10:10:00Z", "2026-05-05T09:30:00Z", "2026-05-05T10:30:00Z"],
    ["week", "UTC", "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"],
    ["week", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"],
    ["month", "UTC", "2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"],
    ["month", "UTC", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"],
    ["month", "Europe/Berlin", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"],
  ] as const)("a %s in %s at %s", (per, zone, now, since, until) => {
    const window = budgetWindow(budget(per, zone), at(now));
    expect({ since: iso(window.since), until: iso(window.until) }).toEqual({ since, until });
    expect(window.slot).toBe(window.since);
  });

  test("follow each other without gap or overlap", () => {
    const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu");
    const times = fc.integer({ min: at("2020-01-01T00:00:00Z"), max: at("2030-01-01T00:00:00Z") });
    fc.assert(
      fc.property(fc.constantFrom("hour", "day", "week", "month"), zones, times, (per, zone, now) => {
        const window = budgetWindow(budget(per as Budget["per"], zone), now);
        expect(window.since).toBeLessThanOrEqual(now);
        expect(window.until).toBeGreaterThan(now);
        expect(budgetWindow(budget(per as Budget["per"], zone), window.until).since).toBe(window.until);
        expect(budgetWindow(budget(per as Budget["per"], zone), window.until - 1).since).toBe(window.since);
      }),
    );
  });
});

test("a rolling stretch holds all of the last hour, and never more than a slot beyond it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 41 }), (now) => {
      const { since, slot } = budgetWindow(budget("hour", "UTC", true), now);
      expect(since).toBeLessThanOrEqual(now - 3_600_000);
      expect(since).toBeGreaterThan(now - 3_660_000);
      expect(slot).toBeLessThanOrEqual(now);
    }),
  );
});
