import { createHttpProvider, createServiceClient, defaultTimeouts, type Provider } from "@trunkline/providers";
import type { ServiceProviderConfig } from "./config/schema.ts";
import type { ApiOptions } from "./create-providers.ts";
import type { ServiceDirectory } from "./services.ts";

/** Services are started by the running gateway and by nobody else. */
const notHere = { current: () => undefined, whenUp: async () => undefined };

/** An API served by a process of the gateway's own. */
export async function serviceProviderFor(
  entry: ServiceProviderConfig,
  options: ApiOptions,
  services: ServiceDirectory | undefined,
): Promise<Provider> {
  const { name } = options;
  const provider = await createHttpProvider({
    ...options,
    // The port is the service's own at every moment.
    baseUrl: `http://127.0.0.1${entry.path}`,
    connect: async (_origin, timeouts) =>
      createServiceClient(name, services?.addressOf(name) ?? notHere, {
        waitMs: entry.wait_seconds * 1000,
        timeouts: { ...defaultTimeouts, ...timeouts },
      }),
  });
  return { ...provider, kind: "http-service" };
}
