import type { Key, KillSwitch } from "@trunkline/contracts";
import type { Incoming } from "./incoming.ts";
import { questionFor } from "./prepare.ts";
import type { Plan } from "./routing/plan.ts";
import type { ExchangeRuntime } from "./runtime.ts";

/** What would happen to a request now; nothing is sent and nobody's turn is taken. Throws GatewayError when its model means nothing. */
export async function explainRoute(
  runtime: ExchangeRuntime,
  incoming: Incoming,
  knowledge: { readonly key: Key | undefined; readonly killSwitches: readonly KillSwitch[] },
): Promise<Plan> {
  return runtime.planner.plan(questionFor(incoming, knowledge, undefined, true));
}
