import { GatewayError, killScopes, type KillScope } from "@trunkline/contracts";
import type { Store } from "@trunkline/store";
import type { Composition } from "./compose.ts";

const longestName = 256;

export type KillName = { readonly scope: KillScope; readonly name: string };

/**
 * What a scope and a name mean: a provider and a route must be there, a key goes by its id, which stays when it is renamed. Throws
 * `invalid_request` in words for the operator.
 */
export async function killSwitchOf(
  {
    store,
    current,
  }: { readonly store: Store; readonly current: Pick<Composition, "providers" | "failures" | "config"> },
  scope: unknown,
  name: unknown = "",
): Promise<KillName> {
  const known = killScopes.find((each) => each === scope);
  const invalid = (message: string, parameter = "name") => new GatewayError("invalid_request", message, { parameter });
  if (known === undefined)
    throw invalid(`There is ${killScopes.join(", ")} to switch off, not '${String(scope).slice(0, 40)}'.`, "scope");
  if (typeof name !== "string") throw invalid("`name` must be a text.");
  if (known === "everything" && name !== "") throw invalid("`everything` takes no name.");
  if (known !== "everything" && (name === "" || name.length > longestName))
    throw invalid(`Name the ${known}, in 1 to ${longestName} characters.`);
  if (known === "key") {
    const key = await store.keys.get(name);
    if (!key)
      throw invalid(
        `There is no single key with the id or name '${name}'. List them with \`npx trunkline keys list\`.`,
      );
    return { scope: known, name: key.id };
  }
  const names =
    known === "provider"
      ? [...current.providers, ...current.failures].map((provider) => provider.name)
      : known === "route"
        ? [...current.config.routes, ...(current.config.badRoutes ?? [])].map(({ pattern }) => pattern)
        : undefined;
  if (names && !names.includes(name)) throw invalid(`There is no ${known} '${name}'. There are: ${names.join(", ")}.`);
  return { scope: known, name };
}
