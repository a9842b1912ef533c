import type { Message } from "./conversation.ts";

/** A conversation bound to a program's own session. Times are milliseconds since the epoch. */
export type SessionRecord = {
  readonly id: string;
  /** The key it belongs to: under any other it does not exist. */
  readonly keyId: string;
  readonly provider: string;
  readonly account: string;
  /** The program's name for it; null where the program keeps none, and before the first turn has ended. */
  readonly resumeId: string | null;
  /** The instructions in force, for turns that come without. */
  readonly system: string;
  /** What was said so far, where the program itself does not remember it. */
  readonly history: readonly Message[] | null;
  readonly turns: number;
  readonly createdAt: number;
  readonly usedAt: number;
};
