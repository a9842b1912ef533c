/** A conversation bound to a program's own session. Times are milliseconds since the epoch. */
export type SessionRecord = {
  readonly id: string;
  /** The key it belongs to: under any other it does not exist. */
  readonly keyId: string;
  readonly provider: string;
  readonly account: string;
  /** The program's name for it; null until the first turn has ended. */
  readonly resumeId: string | null;
  /** The instructions in force, for turns that come without. */
  readonly system: string;
  readonly turns: number;
  readonly createdAt: number;
  readonly usedAt: number;
};
