import { askRunning } from "../ask-gateway.ts";
import { exitCodes, table, withStore, type CommandContext } from "../context.ts";

type Health = {
  readonly status: string;
  readonly database: string;
  readonly kill_switches: readonly { scope: string; name: string; reason: string; since: string }[];
  readonly providers: readonly {
    name: string;
    kind?: string;
    status: string;
    reason?: string;
    accounts?: readonly { name: string; state: string; reason: string | null; until: string | null }[];
  }[];
  readonly services: readonly { name: string; state: string; until: string | null; problem: string | null }[];
  readonly targets: readonly { provider: string; model: string | null; state: string; until: string; reason: string }[];
  readonly limits: readonly {
    subject: string;
    limit: string;
    used: string;
    most: string;
    state: string;
    resets: string | null;
  }[];
  readonly route_problems: readonly { pattern: string; problem: string }[];
};

function section(title: string, headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? "" : `\n\n${title}\n${table(headings, rows)}`;
}

/** What `/v1/health` says, as columns. */
export async function healthCommand(context: CommandContext): Promise<number> {
  const health = await askRunning<Health>(context, "GET", "/v1/health");
  const keys = await withStore(context, (store) => store.keys.list());
  const names = new Map(keys.map(({ id, name }) => [`key:${id}`, `key ${name}`]));
  context.print(health, () => {
    const accounts = health.providers.flatMap(({ name, accounts: all = [] }) =>
      all
        // One that is ready may have something to say all the same: a clock that is off.
        .filter(({ state, reason }) => state !== "ready" || reason !== null)
        .map((account) => [`${name} (${account.name})`, account.state, account.until ?? "-", account.reason ?? "-"]),
    );
    const targets = health.targets.map(({ provider, model, state, until, reason }) => [
      model === null ? `${provider} (all of it)` : `${provider}/${model}`,
      state,
      until,
      reason,
    ]);
    const broken = health.providers
      .filter(({ status }) => status !== "configured")
      .map(({ name, status, reason }) => [name, status, "-", reason ?? "-"]);
    const services = health.services
      .filter(({ state }) => state !== "up")
      .map(({ name, state, until, problem }) => [`${name} (service)`, state, until ?? "-", problem ?? "-"]);
    const rest = [...broken, ...accounts, ...services, ...targets];
    const calm = rest.length === 0 ? "\nEvery provider and every target can be asked." : "";
    return (
      `The gateway is ${health.status}; its database is ${health.database}.${calm}` +
      section("RESTS", ["WHO", "STATE", "UNTIL", "WHY"], rest) +
      section(
        "SWITCHED OFF",
        ["SCOPE", "NAME", "SINCE", "REASON"],
        health.kill_switches.map(({ scope, name, since, reason }) => [scope, name || "-", since, reason || "-"]),
      ) +
      section(
        "LIMITS",
        ["WHOSE", "LIMIT", "USED", "OF", "STATE", "RESETS"],
        health.limits.map(({ subject, limit, used, most, state, resets }) => [
          names.get(subject) ?? subject.replace(":", " "),
          limit,
          used,
          most,
          state,
          resets ?? "-",
        ]),
      ) +
      section(
        "ROUTES WITH MISTAKES",
        ["PATTERN", "WHAT"],
        health.route_problems.map(({ pattern, problem }) => [pattern, problem]),
      )
    );
  });
  return exitCodes.ok;
}
