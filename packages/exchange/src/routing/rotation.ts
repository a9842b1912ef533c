/** Turns of routes whose targets take turns; looking at the next one takes none. */
export type Rotation = ReturnType<typeof createRotation>;

type Turn = { readonly weights: Map<string, number>; last: string | undefined };

/**
 * Smooth weighted round robin (nginx's): every time each target gains its weight, and the one that has most pays the sum. Targets come in
 * the proportion of their weights and never in a clump, and what comes next can be told beforehand.
 */
export function createRotation() {
  const turns = new Map<string, Turn>();

  function turnOf(name: string): Turn {
    let turn = turns.get(name);
    if (!turn) turns.set(name, (turn = { weights: new Map(), last: undefined }));
    return turn;
  }

  return {
    /** The entries, whose turn it is first, then the others by what they are owed. */
    weighted<T extends { readonly name: string; readonly weight: number }>(
      route: string,
      entries: readonly T[],
      isPeek: boolean,
    ): T[] {
      const { weights } = turnOf(route);
      const gained = entries.map((entry) => ({ entry, credit: (weights.get(entry.name) ?? 0) + entry.weight }));
      const sum = entries.reduce((total, { weight }) => total + weight, 0);
      const ordered = gained.toSorted((a, b) => b.credit - a.credit);
      if (!isPeek && sum > 0)
        for (const [index, { entry, credit }] of ordered.entries())
          weights.set(entry.name, index === 0 ? credit - sum : credit);
      return ordered.map(({ entry }) => entry);
    },
    /** The entries from the one behind the last whose turn it was. */
    next<T extends { readonly name: string }>(
      route: string,
      /** All there are, in order; only some of them may be there now. */
      order: readonly string[],
      entries: readonly T[],
      isPeek: boolean,
    ): T[] {
      const turn = turnOf(route);
      const from = turn.last === undefined ? 0 : order.indexOf(turn.last) + 1;
      const rank = (name: string) => (order.indexOf(name) - from + order.length) % order.length;
      const ordered = entries.toSorted((a, b) => rank(a.name) - rank(b.name));
      if (!isPeek) turn.last = ordered[0]?.name;
      return ordered;
    },
    /** Forgets the turns of routes that are no more. */
    keep(routes: ReadonlySet<string>): void {
      for (const name of turns.keys()) if (!routes.has(name)) turns.delete(name);
    },
  };
}
