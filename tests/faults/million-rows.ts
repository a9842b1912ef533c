import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createSecretBox, openStore } from "@trunkline/store";
import { createSite, load, must, quantile, until, type Figures } from "./gateway.ts";

/** Fills the ledger as a busy month would. */
function fill(home: string, rows: number): void {
  const database = new DatabaseSync(join(home, "trunkline.db"));
  const columns = (database.prepare("pragma table_info(exchanges)").all() as { name: string }[]).map(
    ({ name }) => name,
  );
  const insert = database.prepare(
    `insert into exchanges (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`,
  );
  const month = 30 * 86_400_000;
  const from = Date.now() - month;
  for (let done = 0; done < rows;) {
    database.exec("begin");
    for (let batch = 0; batch < 10_000 && done < rows; batch++, done++) {
      const failed = done % 50 === 0;
      const row: Record<string, string | number | null> = {
        id: `req_fill${done.toString(36).padStart(8, "0")}`,
        started_at: Math.floor(from + (month * done) / rows),
        duration_ms: 1200,
        first_content_ms: 300,
        operation: "generate",
        dialect: "anthropic-messages",
        upstream_dialect: "openai-chat",
        key_id: `key_${done % 40}`,
        requested_model: `model-${done % 25}`,
        provider: `provider-${done % 8}`,
        model: `model-${done % 25}`,
        stream: done % 2,
        status: failed ? 429 : 200,
        outcome: failed ? "error" : "ok",
        error_code: failed ? "upstream_rate_limited" : null,
        finish_reason: failed ? null : "stop",
        service_tier: null,
        usage_estimated: 0,
        cost_nano_usd: 1_234_567,
        degraded: "",
      };
      insert.run(...columns.map((name) => (name in row ? row[name]! : 100)));
    }
    database.exec("commit");
  }
  database.close();
}

/** Lists and filters over a million rows, and live traffic while half of them are pruned. */
export async function millionRows(): Promise<Figures> {
  const site = await createSite();
  const figures: Record<string, number | string> = {};
  try {
    await site.start();
    await site.end("SIGTERM");
    fill(site.home, 1_000_000);
    const store = await openStore({
      location: join(site.home, "trunkline.db"),
      secretBox: createSecretBox(() => [Buffer.alloc(32)]),
      now: Date.now,
    });
    // The rare and the absent are what a filter has to search longest for.
    const filters = {
      "newest page": {},
      "by key": { keyId: "nobody" },
      "by provider": { provider: "nobody" },
      "by model": { model: "nothing" },
      "by status": { status: 599 },
      "by outcome": { outcome: "cancelled" },
      "by error": { errorCode: "internal_error" },
      "since a day": { since: Date.now() - 86_400_000, keyId: "nobody" },
    };
    for (const [name, filter] of Object.entries(filters)) {
      const took: number[] = [];
      for (let turn = 0; turn < 7; turn++) {
        const at = performance.now();
        await store.exchanges.list({ ...filter, limit: 50 });
        took.push(performance.now() - at);
      }
      figures[`${name} ms`] = quantile(took, 0.5);
      must(quantile(took, 0.5) < 100, `${name} took ${quantile(took, 0.5)} ms`);
    }
    await store.close();
    // Live traffic as it is, and while half a million rows are pruned.
    await site.start();
    const calm = load(site, 4);
    await until(() => calm.answers.length > 5000, "5000 answers");
    await calm.stop();
    await site.end("SIGTERM");
    writeFileSync(
      join(site.home, "trunkline.yaml"),
      readFileSync(join(site.home, "trunkline.yaml"), "utf8").replace(/}$/, ',"ledger":{"retention_days":15}}'),
    );
    await site.start();
    const busy = load(site, 4);
    const from = performance.now();
    const oldest = new DatabaseSync(join(site.home, "trunkline.db"), { readOnly: true });
    // Asking for the rows themselves would keep this process, and so its clients, from their work.
    const first = () => (oldest.prepare("select min(rowid) as first from exchanges").get() as { first: number }).first;
    await until(() => first() > 480_000, "half of the rows pruned", 6000);
    oldest.close();
    const prunedIn = performance.now() - from;
    await busy.stop();
    const p99 = (answers: readonly { ms: number }[]) =>
      quantile(
        answers.map(({ ms }) => ms),
        0.99,
      );
    Object.assign(figures, {
      "pruned in s": prunedIn / 1000,
      "p99 calm ms": p99(calm.answers),
      "p99 pruning ms": p99(busy.answers),
      "times the calm p99": p99(busy.answers) / p99(calm.answers),
    });
    return figures;
  } finally {
    await site.close();
  }
}
