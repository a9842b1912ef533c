import { GatewayError } from "@trunkline/contracts";
import type { Provider } from "@trunkline/providers";
import type { Composition } from "./compose.ts";

/** Throws GatewayError when there is none of this name, or it could not be made. */
export function providerNamed({ providers, failures }: Composition, name: string): Provider {
  const provider = providers.find((candidate) => candidate.name === name);
  if (provider) return provider;
  const failure = failures.find((candidate) => candidate.name === name);
  throw new GatewayError(
    "not_found",
    failure ? `The provider '${name}' is not available: ${failure.reason}` : `There is no provider '${name}'.`,
  );
}
