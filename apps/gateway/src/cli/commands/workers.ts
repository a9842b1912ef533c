import { createWorkerToken } from "@trunkline/admin";
import { isoTime } from "../../iso-time.ts";
import { askRunning } from "../ask-gateway.ts";
import { audited } from "../audited.ts";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";

type Shown = {
  readonly items: readonly {
    readonly worker: string;
    readonly agent: string;
    readonly address: string;
    readonly connected: boolean;
    readonly active: number;
    readonly capacity: number;
    readonly served: number;
    readonly since: string;
  }[];
};

/** What is connected to the running gateway. */
export async function listWorkers(context: CommandContext): Promise<number> {
  const shown = await askRunning<Shown>(context, "GET", "/admin/api/workers");
  context.print(shown.items, () =>
    shown.items.length === 0
      ? "No worker is connected. Make a token with: trunkline workers add NAME"
      : table(
          ["WORKER", "AGENT", "ADDRESS", "STATE", "REQUESTS", "SERVED", "SINCE"],
          shown.items.map((one) => [
            one.worker,
            one.agent,
            one.address,
            one.connected ? "connected" : "lost, may come back",
            `${one.active}/${one.capacity}`,
            String(one.served),
            one.since,
          ]),
        ),
  );
  return exitCodes.ok;
}

export async function addWorker(context: CommandContext, worker: string): Promise<number> {
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(worker))
    throw new CommandError("A worker's name is letters, digits, '.', '_' and '-'.", exitCodes.usage);
  const { token, secret } = await withStore(context, (store) =>
    audited(store, "worker-token.create", worker, async ({ workerTokens }) => {
      const made = await createWorkerToken(workerTokens, worker, Date.now());
      return { result: made, after: { id: made.token.id, worker } };
    }),
  );
  context.print(
    { id: token.id, worker, token: secret },
    () =>
      `${secret}\n\nA token for workers named '${worker}'. It is shown only now; give it to them as TRUNKLINE_WORKER_TOKEN.`,
  );
  return exitCodes.ok;
}

export async function listWorkerTokens(context: CommandContext): Promise<number> {
  const tokens = await withStore(context, (store) => store.workerTokens.list());
  const shown = tokens.map(({ id, worker, prefix, createdAt, revokedAt }) => ({
    id,
    worker,
    prefix,
    created: isoTime(createdAt),
    revoked: isoTime(revokedAt),
  }));
  context.print(shown, () =>
    shown.length === 0
      ? "No tokens. Make one with: trunkline workers add NAME"
      : table(
          ["ID", "WORKER", "BEGINS WITH", "CREATED", "REVOKED"],
          shown.map((one) => [one.id, one.worker, `${one.prefix}…`, one.created ?? "", one.revoked ?? "-"]),
        ),
  );
  return exitCodes.ok;
}

export async function revokeWorkerToken(context: CommandContext, id: string): Promise<number> {
  await withStore(context, (store) =>
    audited(store, "worker-token.revoke", id, async ({ workerTokens }) => {
      if (!(await workerTokens.revoke(id, Date.now())))
        throw new CommandError(
          `There is no worker token '${id}' that still works. List them with \`npx trunkline workers tokens\`.`,
        );
      return { result: undefined };
    }),
  );
  context.print(
    { id, revoked: true },
    () => `Revoked ${id}. Workers that are connected with it stay until they lose their connection.`,
  );
  return exitCodes.ok;
}
