import { afterEach, expect, test } from "vitest";
import { chatTask, startDesk, type Desk, type ShownTask } from "./desk.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

type Shown = { id: string; next_at: number | null; error: { message: string } };
type Run = { due_at: number; outcome: string; task_id: string | null };

async function start(...args: Parameters<typeof startDesk>): Promise<Desk> {
  const desk = await startDesk(...args);
  open.push(desk);
  return desk;
}

const make = async ({ gateway }: Desk, extra: object = {}) => {
  const answer = await gateway.post("/v1/schedules", {
    name: "hourly",
    cron: "0 * * * *",
    time_zone: "Europe/Berlin",
    ...chatTask(),
    ...extra,
  });
  return { status: answer.status, body: (await answer.json()) as Shown };
};

/** The schedule is due, so many hours ago. */
async function makeDue({ gateway }: Desk, id: string, hoursAgo: number): Promise<void> {
  const hour = 3_600_000;
  const due = Math.floor(Date.now() / hour) * hour - hoursAgo * hour;
  await gateway.started.gateway.store.database
    .updateTable("schedules")
    .set({ next_at: due })
    .where("id", "=", id)
    .execute();
}
const runsOf = async ({ gateway }: Desk, id: string) =>
  ((await (await gateway.get(`/v1/schedules/${id}/runs`)).json()) as { data: Run[] }).data;

test("a schedule that is due makes its task, once, and is due again", async () => {
  const desk = await start();
  const { status, body } = await make(desk);
  expect([status, body.next_at! % 3600, body.next_at! * 1000 > Date.now()]).toEqual([201, 0, true]);
  await makeDue(desk, body.id, 3);
  await expect
    .poll(async () => (await runsOf(desk, body.id)).map(({ outcome }) => outcome))
    .toEqual(["started", "missed", "missed", "missed"]);
  const [run] = await runsOf(desk, body.id);
  await expect
    .poll(async () => ((await (await desk.gateway.get(`/v1/tasks/${run!.task_id}`)).json()) as ShownTask).status)
    .toBe("succeeded");
  const after = (await (await desk.gateway.get(`/v1/schedules/${body.id}`)).json()) as Shown;
  expect(after.next_at).toBe(body.next_at);
  expect(desk.upstream.received.length).toBe(1);
});

test("runs that are held go one after the other", async () => {
  const releases: (() => void)[] = [];
  let most = 0;
  let active = 0;
  const desk = await start(async (_request, response) => {
    most = Math.max(most, ++active);
    await new Promise<void>((resolve) => releases.push(resolve));
    active--;
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  const { body } = await make(desk, { missed: "all", overlap: "queue" });
  await makeDue(desk, body.id, 2);
  await expect
    .poll(async () => (await runsOf(desk, body.id)).map(({ outcome }) => outcome))
    .toEqual(["held", "held", "started"]);
  for (let turn = 1; turn <= 3; turn++) {
    await expect.poll(() => releases.length).toBe(turn);
    releases.at(-1)!();
  }
  await expect.poll(() => desk.upstream.received.length).toBe(3);
  expect(most).toBe(1);
});

test("a newer run takes the older one's place, and the upstream is let go", async () => {
  let isFirst = true;
  const desk = await start((_request, response) => {
    if (!isFirst) return void response.writeHead(200, { "content-type": "application/json" }).end("{}");
    isFirst = false;
  });
  const { body } = await make(desk, { overlap: "replace" });
  await makeDue(desk, body.id, 0);
  await expect.poll(() => desk.upstream.received.length).toBe(1);
  const aborted = desk.upstream.nextAbort();
  await makeDue(desk, body.id, 0);
  await aborted;
  await expect.poll(() => desk.upstream.received.length).toBe(2);
  const tasks = (await (await desk.gateway.get("/v1/tasks")).json()) as { data: ShownTask[] };
  await expect
    .poll(async () => ((await (await desk.gateway.get(`/v1/tasks/${tasks.data[0]!.id}`)).json()) as ShownTask).status)
    .toBe("succeeded");
  expect(tasks.data[1]!.status).toBe("cancelled");
});

test("of several processes that look at once, one decides", async () => {
  const desk = await start(undefined, { poll_seconds: 3600 });
  const { body } = await make(desk);
  await makeDue(desk, body.id, 0);
  const { schedules, tasks } = desk.gateway.started.gateway.store;
  const { decide } = await import("../../../../packages/jobs/src/schedules/decide.ts");
  const [due] = await schedules.due(Date.now(), 10);
  const all = await Promise.all(
    Array.from({ length: 5 }, () => schedules.decide(due!, decide(due!, [], Date.now()), Date.now())),
  );
  expect(all.filter(Boolean).length).toBe(1);
  expect((await tasks.openOfSchedule(body.id)).length).toBe(1);
  expect((await runsOf(desk, body.id)).length).toBe(1);
});

test("changed, paused, run by hand, deleted; and mistakes", async () => {
  const desk = await start();
  const { gateway } = desk;
  const { body } = await make(desk);
  const change = async (value: object, id = body.id) => {
    const answer = await fetch(`${gateway.origin}/v1/schedules/${id}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
      body: JSON.stringify(value),
    });
    return { status: answer.status, body: (await answer.json()) as Shown };
  };
  expect((await change({ paused: true })).body.next_at).toBeNull();
  expect((await change({ paused: false, cron: "30 12 * * *" })).body.next_at! % 3600).toBe(1800);
  const run = (await (await gateway.post(`/v1/schedules/${body.id}/run`, {})).json()) as { task_id: string };
  await expect
    .poll(async () => ((await (await gateway.get(`/v1/tasks/${run.task_id}`)).json()) as ShownTask).status)
    .toBe("succeeded");
  const mistakes: [object, string][] = [
    [{ cron: "whenever" }, "'whenever' is no cron expression"],
    [{ cron: "0 0 30 2 *" }, "is never due"],
    [{ time_zone: "Berlin" }, "'Berlin' is no time zone"],
    [{ endpoint: "/v1/tasks" }, "no model route"],
    [{ overlap: "sometimes" }, "'overlap'"],
    [{ callback_url: "http://10.0.0.1/" }, "'callback_url' cannot be called"],
  ];
  for (const [value, message] of mistakes) {
    expect((await make(desk, value)).body.error.message).toContain(message);
    expect([(await change(value)).status, (await change(value)).body.error.message]).toEqual([
      400,
      expect.stringContaining(message),
    ]);
  }
  const deleted = await fetch(`${gateway.origin}/v1/schedules/${body.id}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${gateway.key}` },
  });
  expect([deleted.status, (await gateway.get(`/v1/schedules/${body.id}`)).status]).toEqual([200, 404]);
});
