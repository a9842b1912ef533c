import { spawnChild, type Child, type ChildEnd, type ChildSpec } from "./spawn-child.ts";

/** A process whose listener comes later: it was started before there was anything to ask it. */
export type HeldProcess = {
  readonly child: Child;
  /** Where its lines and its end go from now on; what came before comes first. */
  listen(listener: { line(line: string): void; end(end: ChildEnd): void }): void;
};

export function holdProcess(spec: Omit<ChildSpec, "onLine" | "onEnd">): HeldProcess {
  let listener: Parameters<HeldProcess["listen"]>[0] | undefined;
  let early: string[] = [];
  let ended: ChildEnd | undefined;
  const child = spawnChild({
    ...spec,
    onLine: (line) => (listener ? listener.line(line) : early.push(line)),
    onEnd(end) {
      ended = end;
      listener?.end(end);
    },
  });
  return {
    child,
    listen(given) {
      listener = given;
      for (const line of early) given.line(line);
      early = [];
      if (ended) given.end(ended);
    },
  };
}
