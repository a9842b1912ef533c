import type { Environment } from "../config/environment.ts";
import type { Gateway } from "../gateway-types.ts";
import { createServices, type Services } from "../services.ts";
import { version } from "../version.ts";
import { clearRunState, urlHost, writeRunState } from "./run-state.ts";
import { runGateway } from "./run-gateway.ts";
import { ensureAlone, makeSecrets, setUp, type FirstSecrets, type Setup } from "./setup.ts";

export type Started = Pick<Setup, "home" | "found" | "config"> &
  FirstSecrets & {
    readonly address: string;
    /** Configured providers that could not be made, with the reason. */
    readonly failures: readonly { readonly name: string; readonly reason: string }[];
    stop(): Promise<void>;
  };

/** Starts a gateway in this process. Throws ConfigError or StartError. */
export async function serve(
  environment: Environment,
  options: { readonly terminal: boolean },
): Promise<Started & { readonly gateway: Gateway }> {
  const setup = await setUp(environment);
  const { home, config } = setup;
  await ensureAlone(home);
  let secrets: FirstSecrets | undefined;
  let services: Services;
  const { port, gateway, stop } = await runGateway(setup, {
    ...options,
    services: (log) => (services = createServices({ home, environment, log })),
    onConfig: (next) => services.configure(next),
    beforeListening: async ({ store }) => {
      secrets = await makeSecrets(store, environment);
    },
  });
  writeRunState(home, { pid: process.pid, host: config.server.host, port, startedAt: Date.now(), version, workers: 0 });
  const address = `http://${urlHost(config.server.host)}:${port}`;
  services!.begin(address);
  return {
    ...setup,
    ...secrets!,
    address,
    failures: gateway.current.failures,
    gateway,
    async stop() {
      await stop();
      await services.stop();
      clearRunState(home, process.pid);
    },
  };
}
