import { createRotation, type Rotation } from "@trunkline/exchange";
import { createTargetHealth, createTargetLoads, type TargetHealth, type TargetLoads } from "@trunkline/policies";
import type { Config } from "./config/schema.ts";

/** What is known of targets; it outlives a change of the configuration. */
export type Targets = {
  readonly health: TargetHealth;
  readonly loads: TargetLoads;
  readonly rotation: Rotation;
  /** Heeds a new configuration: what is known of a provider that was changed is forgotten, for it may have been mended. */
  configure(config: Config): void;
};

function breakerOf({ breaker }: Config) {
  return {
    failures: breaker.failures,
    openMs: breaker.open_seconds * 1000,
    longestOpenMs: breaker.longest_open_seconds * 1000,
  };
}

export function createTargets(config: Config): Targets {
  const health = createTargetHealth(breakerOf(config));
  const rotation = createRotation();
  let known = config;
  return {
    health,
    loads: createTargetLoads(),
    rotation,
    configure(next) {
      for (const [name, provider] of Object.entries(known.providers))
        if (JSON.stringify(next.providers[name]) !== JSON.stringify(provider)) health.reset(name);
      known = next;
      health.configure(breakerOf(next));
      rotation.keep(new Set(next.routes.map(({ pattern }) => pattern)));
    },
  };
}
