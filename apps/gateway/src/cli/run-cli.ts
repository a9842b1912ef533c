import type { Environment } from "../config/environment.ts";
import { serve } from "../process/serve.ts";
import { banner } from "./banner.ts";

export async function runCli(argv: readonly string[], environment: Environment): Promise<number> {
  if (argv[0] !== "start") return 2;
  const started = await serve(environment, { terminal: true });
  console.log(banner(started));
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void started.stop().then(resolve));
  });
  return 0;
}
