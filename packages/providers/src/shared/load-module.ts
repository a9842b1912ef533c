import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { GatewayError } from "@trunkline/contracts";

/** Loads a package from the operator's own folder, or from the gateway's. Throws `provider_unavailable` that says how to install it. */
export async function loadModule(name: string, modulesFolder: string): Promise<Record<string, unknown>> {
  for (const from of [join(modulesFolder, "package.json"), import.meta.filename]) {
    let path: string;
    try {
      path = createRequire(from).resolve(name);
    } catch {
      continue;
    }
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  }
  throw new GatewayError(
    "provider_unavailable",
    `The package '${name}' is not installed. Run: npx trunkline modules add ${name}`,
  );
}
