import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { createKey } from "@trunkline/admin";
import { fixtures } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { withStore, createContext } from "../../src/cli/context.ts";
import { chatProvider, spawnGateway, temporaryFolder, type GatewayProcess } from "../harness.ts";
import { chatTask, quickJobs } from "./desk.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

/** Where a gateway is killed: when its task was taken, at the upstream before and after its answer, at the receiver before and after its. */
const stages = ["taken", "asked", "answered", "calling", "called"] as const;
type Stage = (typeof stages)[number];
/** `KILL_ROUNDS=30` kills as often at each stage. */
const rounds = Number(process.env["KILL_ROUNDS"] ?? 6);

/** A server that tells of each request, before it is answered and after. */
async function startServer(
  answer: object,
  on: (when: "before" | "after", body: string) => void,
): Promise<{ origin: string; server: Server }> {
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      on("before", body);
      response.on("finish", () => on("after", body));
      // A moment in which the gateway may be killed.
      setImmediate(() => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer)));
    });
    message.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
  return { origin: `http://127.0.0.1:${(server.address() as { port: number }).port}`, server };
}

test(`a gateway that is killed ${stages.length * rounds} times, at every stage of its tasks, loses none and delivers each with its own id`, async () => {
  const reached: Partial<Record<Stage, () => void>> = {};
  const tell = (stage: Stage) => {
    reached[stage]?.();
    delete reached[stage];
  };
  const delivered = new Map<string, number>();
  const upstream = await startServer(fixtures["openai-chat"].text.json, (when) =>
    tell(when === "before" ? "asked" : "answered"),
  );
  const receiver = await startServer({}, (when, body) => {
    const { data } = JSON.parse(body) as { data: { id: string } };
    if (when === "after") delivered.set(data.id, (delivered.get(data.id) ?? 0) + 1);
    tell(when === "before" ? "calling" : "called");
  });
  const folder = temporaryFolder();
  open.push({ close: folder.remove });
  const environment = { TRUNKLINE_HOME: folder.path };
  writeFileSync(
    join(folder.path, "trunkline.yaml"),
    stringify({
      discover: false,
      health: { probe_seconds: 0 },
      providers: { up: chatProvider(upstream.origin) },
      jobs: {
        ...quickJobs,
        attempts: 50,
        lease_seconds: 0.5,
        callbacks: { ...quickJobs.callbacks, attempts: 50, timeout_seconds: 0.5 },
      },
    }),
  );
  const { secret } = await withStore(createContext(environment, true), (store) =>
    createKey(store.keys, { name: "k" }, Date.now()),
  );
  let running: GatewayProcess | undefined;
  open.push({ close: () => running?.end("SIGKILL") });
  const start = async () => (running = await spawnGateway(environment)).address;

  const posted: string[] = [];
  const post = async (address: string) => {
    const answer = await fetch(`${address}/v1/tasks`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify(chatTask({ callback_url: receiver.origin })),
    });
    posted.push(((await answer.json()) as { id: string }).id);
  };

  for (let round = 0; round < rounds; round++)
    for (const stage of stages) {
      const address = await start();
      const there = stage === "taken" ? undefined : new Promise<void>((resolve) => (reached[stage] = resolve));
      await post(address);
      await there;
      await running!.end("SIGKILL");
    }
  await start();
  await expect.poll(() => posted.filter((id) => !delivered.has(id)), { timeout: 60_000 }).toEqual([]);
  expect(posted.length).toBe(stages.length * rounds);
  expect([...delivered.keys()].toSorted()).toEqual(posted.toSorted());
}, 300_000);
