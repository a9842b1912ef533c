import type { ExchangeRuntime } from "@trunkline/exchange";
import { createAnswerRedaction, loadFindSecrets } from "@trunkline/policies";
import type { Config, ProviderConfig } from "./config/schema.ts";

export type FoundInAnswer = {
  readonly provider: string;
  readonly requestId: string;
  /** Whose credential it looks like. */
  readonly kind: string;
  readonly action: "on" | "report";
};

/** A vendor's program runs on this machine and may come upon what lies there; an API knows only what it was sent. */
function actionOf(entry: ProviderConfig): "on" | "off" | "report" {
  return entry.redaction ?? (entry.kind === "cli-process" ? "on" : "off");
}

/** What is looked for in which provider's answers; the rules are only loaded where somebody wants them. */
export async function createRedactions(
  config: Config,
  onFound: (found: FoundInAnswer) => void,
): Promise<ExchangeRuntime["redaction"]> {
  const actions = new Map(
    Object.entries(config.providers).flatMap(([name, entry]) => {
      const action = actionOf(entry);
      return action === "off" || !entry.enabled ? [] : [[name, action] as const];
    }),
  );
  if (actions.size === 0) return () => undefined;
  const find = await loadFindSecrets();
  return (provider, requestId) => {
    const action = actions.get(provider);
    if (action === undefined) return undefined;
    return createAnswerRedaction({
      find,
      replace: action === "on",
      onFound: (kind) => onFound({ provider, requestId, kind, action }),
    });
  };
}
