import { timingSafeEqual } from "node:crypto";
import type { SecretBox, Store } from "@trunkline/store";
import type { WorkerHub } from "@trunkline/workers";
import type { Logger } from "pino";

/** Workers' connections to this process. Loaded with the first provider that needs one, or the first worker that comes. */
export type Workers = {
  hub(): Promise<WorkerHub>;
  /** Undefined where none was needed yet. */
  readonly loaded: WorkerHub | undefined;
  close(): Promise<void>;
};

/** What a worker that the gateway starts itself connects with; nothing of it is kept. */
export function ownWorkerToken(secretBox: SecretBox, worker: string): string {
  return `tlw-own.${Buffer.from(worker).toString("base64url")}.${secretBox.token(`worker ${worker}`)}`;
}

/** The worker such a token is for, when it is ours. */
function ownWorkerOf(secretBox: SecretBox, token: string): string | undefined {
  const [prefix, name = ""] = token.split(".");
  if (prefix !== "tlw-own") return undefined;
  const worker = Buffer.from(name, "base64url").toString();
  const expected = Buffer.from(ownWorkerToken(secretBox, worker));
  const given = Buffer.from(token);
  return given.length === expected.length && timingSafeEqual(given, expected) ? worker : undefined;
}

export function createWorkers(
  store: Pick<Store, "workerTokens">,
  secretBox: SecretBox,
  processes: number,
  log: Logger,
): Workers {
  let loading: Promise<WorkerHub> | undefined;
  let loaded: WorkerHub | undefined;

  async function load(): Promise<WorkerHub> {
    const { createWorkerHub } = await import("@trunkline/workers");
    loaded = createWorkerHub({
      process: String(process.pid),
      processes,
      workerOf: async (token) => ownWorkerOf(secretBox, token) ?? (await store.workerTokens.find(token))?.worker,
      onEvent({ type, worker, detail }) {
        const isBad = type === "violation" || type === "refused";
        log[isBad ? "warn" : "info"]({ worker, event: type }, `workers: ${detail}`);
      },
    });
    return loaded;
  }

  return {
    hub: () => (loading ??= load()),
    get loaded() {
      return loaded;
    },
    close: async () => (await loading)?.close(),
  };
}
