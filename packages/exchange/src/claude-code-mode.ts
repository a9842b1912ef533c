import { GatewayError } from "@trunkline/contracts";
import type { Catalogue, Target } from "./catalogue.ts";

/** What Claude Code is asked for when the client names a model of somebody else's. */
const usualModel = "sonnet";

/** Clients of claude-cli-api say by a header whether Claude Code shall answer, whatever model they name. */
export async function claudeCodeTarget(catalogue: Catalogue, model: string, wanted: boolean): Promise<Target> {
  const claude = catalogue.providers.find(({ program }) => program === "claude");
  if (wanted) {
    if (!claude) {
      throw new GatewayError(
        "provider_unavailable",
        "X-Claude-Code asks for Claude Code, and no provider here is one. The operator can add it with `trunkline accounts add claude`.",
      );
    }
    const found = await Promise.resolve(catalogue.resolve(model)).catch(() => undefined);
    if (found?.provider.program === "claude") return found;
    return { provider: claude, model: claude.claims(model) ? model : usualModel };
  }
  const found = await catalogue.resolve(model);
  if (found.provider.program !== "claude") return found;
  const other = catalogue.providers.find((provider) => provider.program !== "claude" && provider.claims(found.model));
  if (other) return { provider: other, model: found.model };
  throw new GatewayError(
    "model_not_found",
    `Without Claude Code, which X-Claude-Code rules out, no provider here has the model '${model}'.`,
    { parameter: "model" },
  );
}
