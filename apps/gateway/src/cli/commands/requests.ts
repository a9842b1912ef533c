import type { ExchangeFilter, ListedExchange } from "@trunkline/store";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";
import { spanMs } from "../span.ts";
import { keyNamed } from "./keys.ts";

export type RequestOptions = {
  readonly key?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly status?: string;
  readonly error?: string;
  readonly since?: string;
  readonly before?: string;
  readonly limit: string;
};

const most = 1000;

function whole(name: string, text: string, limit = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1 && value <= limit) return value;
  throw new CommandError(
    `--${name} takes a whole number from 1${limit === most ? ` to ${most}` : ""}, not '${text}'.`,
    exitCodes.usage,
  );
}

function parseSince(text: string): number {
  const span = spanMs(text);
  const at = span === undefined ? Date.parse(text) : Date.now() - span;
  if (Number.isFinite(at)) return at;
  throw new CommandError(
    `--since takes a date such as 2027-01-31 or a span such as 7d, 2h or 15m, not '${text}'.`,
    exitCodes.usage,
  );
}

/** The newest requests of the ledger, also beside a running gateway. */
export async function listRequests(context: CommandContext, options: RequestOptions): Promise<number> {
  const rest: Omit<ExchangeFilter, "keyId"> = {
    limit: whole("limit", options.limit, most),
    ...(options.provider === undefined ? {} : { provider: options.provider }),
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.status === undefined ? {} : { status: whole("status", options.status) }),
    ...(options.error === undefined ? {} : { errorCode: options.error }),
    ...(options.since === undefined ? {} : { since: parseSince(options.since) }),
    ...(options.before === undefined ? {} : { before: whole("before", options.before) }),
  };
  const { rows, names } = await withStore(context, async (store) => {
    const key = options.key === undefined ? undefined : await keyNamed(store, options.key);
    const found = await store.exchanges.list({ ...rest, ...(key ? { keyId: key.id } : {}) });
    return { rows: found, names: new Map((await store.keys.list()).map(({ id, name }) => [id, name])) };
  });
  context.print(rows, () => {
    if (rows.length === 0) return "No request in the ledger passes.";
    const lines = rows.map((row) => lineOf(row, names.get(row.key_id) ?? row.key_id));
    const next = rows.length === rest.limit ? `\n\nOlder ones: --before ${rows.at(-1)!.position}` : "";
    return table(["TIME", "KEY", "MODEL", "PROVIDER", "STATUS", "TOKENS IN", "OUT", "COST", "SECONDS"], lines) + next;
  });
  return exitCodes.ok;
}

function lineOf(row: ListedExchange, key: string): string[] {
  const tokens = (count: number | null) => (count === null ? "–" : `${row.usage_estimated ? "~" : ""}${count}`);
  return [
    new Date(Number(row.started_at)).toISOString().slice(0, 19).replace("T", " "),
    key,
    row.requested_model,
    row.provider,
    row.error_code === null ? String(row.status) : `${row.status} ${row.error_code}`,
    tokens(row.input_tokens),
    tokens(row.output_tokens),
    row.cost_nano_usd === null ? "–" : `$${(Number(row.cost_nano_usd) / 1e9).toFixed(6)}`,
    (row.duration_ms / 1000).toFixed(2),
  ];
}
