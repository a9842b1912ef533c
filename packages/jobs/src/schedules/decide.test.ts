import type { MissedPolicy, OverlapPolicy, Schedule, TaskStatus } from "@trunkline/contracts";
import { describe, expect, test } from "vitest";
import { decide, nextRun } from "./decide.ts";

const at = (text: string) => Date.parse(text);
const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString().replace(".000", ""));

/** Times in a row, as a schedule that is looked at every minute would be due. */
function times(cron: string, zone: string, from: string, count: number): (string | null)[] {
  const found: (string | null)[] = [];
  let next: number | null = at(from);
  for (let turn = 0; turn < count && next !== null; turn++) {
    next = nextRun(cron, zone, next);
    found.push(iso(next));
  }
  return found;
}

describe("when a schedule is due, across changes of the clock:", () => {
  test.each<[string, string, string, string, string[]]>([
    [
      "a time that is skipped in spring comes at the end of the gap",
      "30 2 * * *",
      "Europe/Berlin",
      "2026-03-28T00:00:00Z",
      ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    ],
    [
      "a time that comes twice in autumn comes once, the first time",
      "30 2 * * *",
      "Europe/Berlin",
      "2026-10-24T00:00:00Z",
      ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ],
    [
      "every hour is every hour, also when the clock shows one twice",
      "0 * * * *",
      "Europe/Berlin",
      "2026-10-24T23:30:00Z",
      ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
    ],
    [
      "every hour is every hour, also when the clock leaves one out",
      "0 * * * *",
      "Europe/Berlin",
      "2026-03-28T23:30:00Z",
      ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
    ],
    [
      "nine in the morning stays nine in the morning",
      "0 9 * * *",
      "America/New_York",
      "2026-03-07T00:00:00Z",
      ["2026-03-07T14:00:00Z", "2026-03-08T13:00:00Z", "2026-03-09T13:00:00Z"],
    ],
    [
      "a midnight that does not exist",
      "0 0 * * *",
      "America/Asuncion",
      "2023-09-30T12:00:00Z",
      ["2023-10-01T04:00:00Z", "2023-10-02T03:00:00Z"],
    ],
    [
      "a zone that moves by half an hour",
      "15 2 * * *",
      "Australia/Lord_Howe",
      "2026-10-03T00:00:00Z",
      ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    ],
    [
      "the last day of each month",
      "0 9 L * *",
      "Europe/Berlin",
      "2026-01-15T00:00:00Z",
      ["2026-01-31T08:00:00Z", "2026-02-28T08:00:00Z", "2026-03-31T07:00:00Z"],
    ],
    [
      "the 29th of February",
      "0 0 29 2 *",
      "UTC",
      "2026-01-01T00:00:00Z",
      ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
    ],
    [
      "weekdays",
      "0 8 * * 1-5",
      "Asia/Kolkata",
      "2026-11-20T12:00:00Z",
      ["2026-11-23T02:30:00Z", "2026-11-24T02:30:00Z"],
    ],
  ])("%s", (_name, cron, zone, from, expected) => {
    expect(times(cron, zone, from, expected.length)).toEqual(expected);
  });

  test.each([
    ["nonsense", "UTC", "'nonsense' is no cron expression"],
    ["61 * * * *", "UTC", "is no cron expression"],
    ["* * * * * *", "UTC", "of five fields"],
    ["* * * * *", "Mars/Olympus", "'Mars/Olympus' is no time zone"],
  ])("%s in %s is refused", (cron, zone, message) => {
    expect(() => nextRun(cron, zone, 0)).toThrow(message);
  });
  test("the 30th of February never comes", () => {
    expect(nextRun("0 0 30 2 *", "UTC", at("2026-01-01T00:00:00Z"))).toBeNull();
  });
});

const hourly = (missed: MissedPolicy, overlap: OverlapPolicy, nextAt: string, cron = "0 * * * *"): Schedule => ({
  id: "sched_1",
  keyId: "key_1",
  name: "",
  cron,
  timeZone: "Europe/Berlin",
  endpoint: "/v1/messages",
  body: { model: "x" },
  callbackUrl: null,
  missed,
  overlap,
  isPaused: false,
  createdAt: 0,
  nextAt: at(nextAt),
});

const open = (...statuses: TaskStatus[]) => statuses.map((status, index) => ({ id: `open_${index}`, status }));

/** What was decided, in short: what became of each time, the tasks that give way, and when it is due next. */
function decided(schedule: Schedule, now: string, running: ReturnType<typeof open> = []) {
  const { runs, tasks, cancel, nextAt } = decide(schedule, running, at(now));
  expect(runs.filter(({ taskId }) => taskId !== null).map(({ taskId }) => taskId)).toEqual(tasks.map(({ id }) => id));
  return {
    runs: Object.fromEntries(runs.map(({ dueAt, outcome }) => [iso(dueAt)!.slice(11, 16), outcome])),
    held: tasks.filter(({ status }) => status === "held").length,
    cancel,
    next: iso(nextAt)!.slice(11, 16),
  };
}

describe("what becomes of a run:", () => {
  test("on time it is started", () => {
    expect(decided(hourly("skip", "skip", "2026-06-01T10:00:00Z"), "2026-06-01T10:00:00.4Z")).toEqual({
      runs: { "10:00": "started" },
      held: 0,
      cancel: [],
      next: "11:00",
    });
  });

  test.each<[MissedPolicy, Record<string, string>]>([
    ["skip", { "08:00": "missed", "09:00": "missed", "10:00": "missed" }],
    ["once", { "08:00": "missed", "09:00": "missed", "10:00": "started" }],
    ["all", { "08:00": "started", "09:00": "started", "10:00": "started" }],
  ])("after a night off, missed: %s", (missed, runs) => {
    expect(decided(hourly(missed, "parallel", "2026-06-01T08:00:00Z"), "2026-06-01T10:30:00Z")).toEqual({
      runs,
      held: 0,
      cancel: [],
      next: "11:00",
    });
  });

  test("back within the minute of a run, only what was before is missed", () => {
    expect(decided(hourly("skip", "skip", "2026-06-01T08:00:00Z"), "2026-06-01T09:00:30Z").runs).toEqual({
      "08:00": "missed",
      "09:00": "started",
    });
  });

  test.each<[OverlapPolicy, TaskStatus[], Record<string, string>, number, string[]]>([
    ["skip", ["running"], { "10:00": "overlapped" }, 0, []],
    ["skip", ["queued"], { "10:00": "overlapped" }, 0, []],
    ["skip", [], { "10:00": "started" }, 0, []],
    ["queue", ["running"], { "10:00": "held" }, 1, []],
    ["queue", ["running", "held"], { "10:00": "held" }, 1, []],
    ["queue", [], { "10:00": "started" }, 0, []],
    ["parallel", ["running", "running"], { "10:00": "started" }, 0, []],
    ["replace", ["running", "held"], { "10:00": "started" }, 0, ["open_0", "open_1"]],
  ])("overlap: %s, while %j", (overlap, statuses, runs, held, cancel) => {
    const now = "2026-06-01T10:00:01Z";
    expect(decided(hourly("skip", overlap, "2026-06-01T10:00:00Z"), now, open(...statuses))).toEqual({
      runs,
      held,
      cancel,
      next: "11:00",
    });
  });

  test.each<[OverlapPolicy, Record<string, string>, number]>([
    ["skip", { "08:00": "started", "09:00": "overlapped", "10:00": "overlapped" }, 0],
    ["queue", { "08:00": "started", "09:00": "held", "10:00": "held" }, 2],
    ["parallel", { "08:00": "started", "09:00": "started", "10:00": "started" }, 0],
    ["replace", { "08:00": "replaced", "09:00": "replaced", "10:00": "started" }, 0],
  ])("all that was missed is made up for, overlap: %s", (overlap, runs, held) => {
    expect(decided(hourly("all", overlap, "2026-06-01T08:00:00Z"), "2026-06-01T10:30:00Z")).toEqual({
      runs,
      held,
      cancel: [],
      next: "11:00",
    });
  });

  test("a year off of a run a minute: the newest hundred are looked at, and the next is the next", () => {
    const { runs, tasks, nextAt } = decide(
      hourly("all", "parallel", "2025-06-01T10:00:00Z", "* * * * *"),
      [],
      at("2026-06-01T10:00:30Z"),
    );
    expect([runs.length, tasks.length, iso(nextAt)]).toEqual([100, 100, "2026-06-01T10:01:00Z"]);
    expect(iso(runs.at(-1)!.dueAt)).toBe("2026-06-01T10:00:00Z");
  });

  test("off over the night the clock went back: the hour that came twice is missed twice", () => {
    const { runs } = decide(hourly("all", "parallel", "2026-10-25T00:00:00Z"), [], at("2026-10-25T03:30:00Z"));
    expect(runs.map(({ dueAt }) => iso(dueAt))).toEqual([
      "2026-10-25T00:00:00Z",
      "2026-10-25T01:00:00Z",
      "2026-10-25T02:00:00Z",
      "2026-10-25T03:00:00Z",
    ]);
  });
});
