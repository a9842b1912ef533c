import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeProgram, type FakePlan } from "@trunkline/testkit";
import { createSite, must, until, type Figures } from "./gateway.ts";

const said = [
  JSON.stringify({ event: "step_update", step_update: { step_type: "agent_response", text_delta: "Hello" } }),
  JSON.stringify({ event: "result", result: { status: "SUCCESS", response: "Hello" } }),
];

/** Ids of processes whose command or environment holds the text, zombies left out. */
function holding(text: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      const state = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)![0];
      if (state === "Z") return false;
      return ["cmdline", "environ"].some((file) => readFileSync(`/proc/${pid}/${file}`, "utf8").includes(text));
    } catch {
      return false;
    }
  });
}

const scratchFolders = () => readdirSync(tmpdir()).filter((name) => /^trunkline-\w{6}$/.test(name)).length;

/** 500 requests to vendors' programs that hang, crash and drip, with clients that leave and somebody who kills: nothing may be left. */
export async function programsUnderFire(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "trunkline-faults-programs-"));
  const program = (name: string, plan: FakePlan, more: object = {}) => ({
    kind: "cli-process",
    driver: "agy",
    command: makeProgram(join(folder, name), "agy", plan),
    models: ["m"],
    warm: 0,
    queue: 1000,
    queue_wait_seconds: 600,
    concurrency: 3,
    accounts: [{ name: "main" }],
    ...more,
  });
  const names = ["good", "slow", "crashing", "stubborn"];
  const before = scratchFolders();
  const site = await createSite({
    providers: {
      good: program("good", { protocol: "lines", turns: [{ lines: said }] }),
      slow: program("slow", { protocol: "lines", turns: [{ lines: said, pieces: 1 }] }),
      crashing: program("crashing", { protocol: "lines", turns: [{ lines: said.slice(0, 1), code: 1 }] }),
      stubborn: program(
        "stubborn",
        { protocol: "lines", turns: [{ hang: true }], grandchild: true },
        { timeout_seconds: 0.2 },
      ),
    },
  });
  const outcomes: Record<string, number> = {};
  try {
    await site.start();
    const children = join(site.home, "run", "children");
    let kills = 0;

    async function one(index: number): Promise<void> {
      const leaving = new AbortController();
      const leaves = Math.random() < 0.3;
      const timer = leaves ? setTimeout(() => leaving.abort(), Math.random() * 500) : undefined;
      let outcome: string;
      try {
        const answer = await fetch(`${site.address}/v1/chat/completions`, {
          method: "POST",
          headers: { authorization: `Bearer ${site.key}` },
          body: JSON.stringify({
            model: `${names[index % names.length]}/m`,
            stream: index % 2 === 0,
            messages: [{ role: "user", content: "hi" }],
          }),
          signal: leaving.signal,
        });
        const text = await answer.text();
        outcome = text.includes('"error"') ? "failed" : "answered";
      } catch {
        outcome = "left";
      }
      clearTimeout(timer);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (Math.random() > 0.1) return;
      for (const pid of readdirSync(children).slice(0, 1)) {
        kills++;
        try {
          process.kill(Number(pid), "SIGKILL");
        } catch {
          // It has just ended.
        }
      }
    }

    async function round(count: number): Promise<void> {
      let next = 0;
      await Promise.all(
        Array.from({ length: 24 }, async () => {
          while (next < count) await one(next++);
        }),
      );
    }

    async function atRest(): Promise<boolean> {
      const answer = await fetch(`${site.address}/v1/health`, { headers: { authorization: `Bearer ${site.key}` } });
      const { providers } = (await answer.json()) as { providers: { queue?: { active: number; waiting: number } }[] };
      return providers.every(({ queue }) => !queue || queue.active + queue.waiting === 0);
    }

    await round(100);
    const rss = site.rssMb();
    await round(500);
    const rssThen = site.rssMb();
    await round(500);
    for (let look = 0; look < 100 && !(await atRest()); look++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    must(await atRest(), "a place was not given back");
    const rssAfter = site.rssMb();
    await site.end("SIGTERM");
    await until(() => holding(folder).length === 0, "every process gone");
    must(readdirSync(children).length === 0, "a child is still written down");
    must(scratchFolders() === before, "a scratch folder is left");
    return {
      requests: 1100,
      ...outcomes,
      kills,
      "processes left": 0,
      "RSS MB after 100": rss,
      "after 600": rssThen,
      "and after 1100": rssAfter,
    };
  } finally {
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
