import { compileGlob, type BudgetLedger } from "@trunkline/policies";
import type { Store } from "@trunkline/store";
import type { Logger } from "pino";

/** Milliseconds between two signs of life of what this process has set aside. */
const keepMs = 30_000;

/** Budgets in the database. What was used before one was set is taken from the ledger's rows. */
export function createBudgetLedger(store: Store, log: Logger): BudgetLedger & { stop(): void } {
  const keep = () =>
    void store.budgets
      .keep(Date.now())
      .catch((error: unknown) => log.error({ err: error }, "budgets: the database cannot be told of running requests"));
  keep();
  const keeping = setInterval(keep, keepMs);
  keeping.unref();

  /** The exchanges that count for a subject; those of a model are told apart afterwards. */
  async function filterOf(subject: string): Promise<{ keyIds?: string[]; provider?: string }> {
    const [scope, name] = split(subject);
    if (scope === "key") return { keyIds: [name] };
    if (scope === "provider") return { provider: name };
    if (scope === "model") return {};
    const keys = await store.keys.list();
    return { keyIds: keys.filter((key) => (scope === "user" ? key.user : key.group) === name).map(({ id }) => id) };
  }

  return {
    reserve: (requests, now) => store.budgets.reserve(requests, now),
    release: (amounts) => store.budgets.release(amounts),
    read: (budgets) => store.budgets.read(budgets),
    async prepare(id, subject, budget, { since, slotMs }) {
      if ((await store.budgets.known([id])).has(id)) return;
      const [scope, name] = split(subject);
      const used = await store.exchanges.usedSince({ since, slotMs, ...(await filterOf(subject)) });
      const counts = scope === "model" ? compileGlob(name) : () => true;
      const slots = new Map<number, number>();
      for (const row of used) {
        if (!counts(row.model) && !counts(`${row.provider}/${row.model}`)) continue;
        const amount = budget.unit === "requests" ? row.requests : row.nanoUsd;
        slots.set(row.slot, (slots.get(row.slot) ?? 0) + amount);
      }
      await store.budgets.seed(
        id,
        [...slots].map(([slot, amount]) => ({ slot, amount })),
      );
    },
    stop: () => clearInterval(keeping),
  };
}

function split(subject: string): [scope: string, name: string] {
  const colon = subject.indexOf(":");
  return [subject.slice(0, colon), subject.slice(colon + 1)];
}
