import { toGatewayError } from "@trunkline/contracts";
import type { Provider } from "@trunkline/providers";
import { isoTime } from "./iso-time.ts";
import type { Targets } from "./targets.ts";

/** What the last look at a provider found. */
export type Probe = { readonly at: string | null; readonly ok: boolean; readonly problem: string | null };

export type ProbesOptions = {
  readonly targets: Targets;
  readonly providers: () => readonly Provider[];
  /** Milliseconds between two looks; 0 for none. */
  readonly everyMs: () => number;
};

export type Probes = {
  /** By provider, as far as any was looked at. */
  found(name: string): Probe | undefined;
  stop(): void;
};

/** Milliseconds a provider gets to list its models. */
const answerMs = 10_000;
/** Milliseconds after which it is looked again whether probing has been switched on. */
const lookMs = 5000;

/**
 * Asks providers of which something rests for their list of models, which costs no tokens: one that answers need not be found out to be well at
 * the expense of somebody's request.
 */
export function createProbes({ targets, providers, everyMs }: ProbesOptions): Probes {
  const found = new Map<string, Probe>();
  const stopped = new AbortController();
  let timer: NodeJS.Timeout;

  async function probe(provider: Provider): Promise<void> {
    const at = isoTime(Date.now());
    try {
      await provider.listModels(AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]));
      found.set(provider.name, { at, ok: true, problem: null });
      targets.health.reachable(provider.name, Date.now());
    } catch (error) {
      found.set(provider.name, { at, ok: false, problem: toGatewayError(error).message });
    }
  }

  async function look(): Promise<void> {
    if (everyMs() > 0) {
      const resting = new Set(targets.health.resting(Date.now()).map((rest) => rest.provider));
      // A vendor's program tells how it is by itself, and starting it is no light thing.
      await Promise.all(
        providers()
          .filter(({ name, kind }) => kind === "http-api" && resting.has(name))
          .map(probe),
      );
    }
    schedule();
  }

  function schedule(): void {
    if (stopped.signal.aborted) return;
    timer = setTimeout(() => void look(), everyMs() || lookMs);
    timer.unref();
  }

  schedule();
  return {
    found: (name) => found.get(name),
    stop() {
      stopped.abort();
      clearTimeout(timer);
    },
  };
}
