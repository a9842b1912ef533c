/** What a kill switch turns off: a provider by name, a model by a glob, a route by its pattern, a key by id, or all of it. */
export const killScopes = ["everything", "provider", "model", "route", "key"] as const;

export type KillScope = (typeof killScopes)[number];

export type KillSwitch = {
  readonly scope: KillScope;
  /** A provider's name, a glob of models, a route's pattern, a key's id; empty for everything. */
  readonly name: string;
  /** Told to whoever is refused; may be empty. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly setAt: number;
  /** Who set it: `cli:<user>`, or the environment variable. */
  readonly setBy: string;
};

/** A switch as the database remembers it, in force or lifted. */
export type KillSwitchEntry = KillSwitch & { readonly liftedAt: number | null; readonly liftedBy: string | null };
