import { expect, test } from "vitest";
import { cleanText } from "./clean-text.ts";
import { resetTime } from "./reset-time.ts";

const now = Date.parse("2026-11-21T18:00:00Z");

test.each([
  ["You've hit your session limit · resets 2pm (America/New_York)", "2026-11-21T19:00:00Z"],
  ["You've hit your session limit · resets 9am (Europe/Zurich)", "2026-11-22T08:00:00Z"],
  ["limit reached, resets 12:30am (UTC)", "2026-11-22T00:30:00Z"],
  ["resets at 23:15 (Asia/Tokyo)", "2026-11-22T14:15:00Z"],
  ["resets Nov 25 at 5pm (UTC)", "2026-11-25T17:00:00Z"],
  ["You've hit your usage limit. Try again at Jan 3rd, 2027 9:58 PM (UTC).", "2027-01-03T21:58:00Z"],
  ["resets Jan 3 at 9am (UTC)", "2027-01-03T09:00:00Z"],
  // Clocks are changed on 29 March 2027: an hour less than it looks.
  ["resets Mar 28, 2027 at 6am (Europe/Zurich)", "2027-03-28T04:00:00Z"],
  ["try again in 3 hours 12 minutes.", "2026-11-21T21:12:00Z"],
  ["Your quota will reset after 40h12m5s.", "2026-11-23T10:12:05Z"],
  ["Please retry in 52.5s", "2026-11-21T18:00:52.500Z"],
  ["wait 2 days and try again in 2 days", "2026-11-23T18:00:00Z"],
  ["resets 2026-11-22T01:02:03Z", "2026-11-22T01:02:03Z"],
])("%s", (text, wanted) => {
  expect(new Date(resetTime(text, now)!).toISOString()).toBe(new Date(wanted).toISOString());
});

test.each(["", "no time at all", "resets soon", "try again later", "resets 99:99", `resets ${"9".repeat(5000)}`])(
  "%j names no time",
  (text) => {
    expect(resetTime(text, now)).toBeUndefined();
  },
);

test.each([
  ["cannot read /home/alice/.claude/settings.json", "cannot read [path]"],
  ["in file:///usr/lib/node_modules/x/index.js:3:4", "in [path]:3:4"],
  ["C:\\Users\\alice\\x.txt is missing", "[path] is missing"],
  ["Error: boom\n    at run (/opt/x/cli.js:1:2)\n    at async main (node:internal:3:4)\nend", "Error: boom end"],
  ["\u001b[31mred\u001b[0m words", "red words"],
  ["posting to http://127.0.0.1:8080/v1/messages failed", "posting to [address] failed"],
  ["the key hunter2hunter2 is wrong", "the key [redacted] is wrong"],
  ["see https://docs.example.com/a/b and 1/2 of and/or", "see https://docs.example.com/a/b and 1/2 of and/or"],
])("fit for a client: %j", (text, wanted) => {
  expect(cleanText(text, ["hunter2hunter2"])).toBe(wanted);
});
