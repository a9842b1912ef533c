import { LRUCache } from "lru-cache";

type Load = { active: number; latencyMs: number; seenAt: number };

/** Milliseconds after which a measured latency counts for little: a target that was slow gets its chance again. */
const forgetMs = 30_000;
const mostTargets = 10_000;

export type TargetLoads = ReturnType<typeof createTargetLoads>;

/** How busy and how slow targets are, as this process sees them. */
export function createTargetLoads() {
  const loads = new LRUCache<string, Load>({ max: mostTargets });
  const nameOf = (provider: string, model: string) => `${provider}\n${model}`;

  function loadOf(provider: string, model: string): Load {
    const name = nameOf(provider, model);
    let load = loads.get(name);
    if (!load) loads.set(name, (load = { active: 0, latencyMs: 0, seenAt: 0 }));
    return load;
  }

  function latencyOf(load: Load, now: number): number {
    return load.latencyMs * Math.exp(-Math.max(0, now - load.seenAt) / forgetMs);
  }

  return {
    /** Counts a request in until the function that is returned is called. */
    begin(provider: string, model: string): () => void {
      const load = loadOf(provider, model);
      load.active++;
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        load.active--;
      };
    },
    /**
     * Takes note of the time until a first content. A peak counts at once and fades, an improvement is believed slowly (peak EWMA, as
     * in Finagle): so a target that has become slow is left alone before it has been tried ten times.
     */
    observe(provider: string, model: string, ms: number, now: number): void {
      const load = loadOf(provider, model);
      const before = latencyOf(load, now);
      const share = load.seenAt === 0 ? 0 : Math.exp(-Math.max(0, now - load.seenAt) / forgetMs);
      load.latencyMs = ms > before ? ms : before * share + ms * (1 - share);
      load.seenAt = now;
    },
    active: (provider: string, model: string): number => loads.peek(nameOf(provider, model))?.active ?? 0,
    /** Milliseconds; undefined when it has not been measured. */
    latency(provider: string, model: string, now: number): number | undefined {
      const load = loads.peek(nameOf(provider, model));
      return load === undefined || load.seenAt === 0 ? undefined : latencyOf(load, now);
    },
  };
}
