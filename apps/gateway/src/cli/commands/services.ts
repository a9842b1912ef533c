import { askRunning } from "../ask-gateway.ts";
import { exitCodes, table, type CommandContext } from "../context.ts";

type Shown = {
  readonly items: readonly {
    readonly name: string;
    readonly state: string;
    readonly pid: number | null;
    readonly port: number | null;
    readonly restarts: number;
    readonly since: string;
    readonly problem: string | null;
    readonly until: string | null;
  }[];
};

export async function listServices(context: CommandContext): Promise<number> {
  const shown = await askRunning<Shown>(context, "GET", "/admin/api/services");
  context.print(shown.items, () =>
    shown.items.length === 0
      ? "No service is switched on."
      : table(
          ["NAME", "STATE", "PROCESS", "PORT", "RESTARTS", "SINCE", "LAST PROBLEM"],
          shown.items.map((one) => [
            one.name,
            one.until === null ? one.state : `${one.state} until ${one.until}`,
            String(one.pid ?? "-"),
            String(one.port ?? "-"),
            String(one.restarts),
            one.since,
            one.problem ?? "",
          ]),
        ),
  );
  return exitCodes.ok;
}

export async function restartService(context: CommandContext, name: string): Promise<number> {
  const answer = await askRunning(context, "POST", `/admin/api/services/${encodeURIComponent(name)}/restart`);
  context.print(answer, () => `${name} is started again.`);
  return exitCodes.ok;
}
