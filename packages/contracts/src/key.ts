import type { LimitRules } from "./limits.ts";

/** A client's API key as the gateway knows it. The secret itself is never stored, only its HMAC. */
export type Key = {
  readonly id: string;
  readonly name: string;
  /** First characters of the secret, to recognise it by. */
  readonly prefix: string;
  readonly active: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number | null;
  /** Globs over model names and `provider/model`; empty allows all. */
  readonly models: readonly string[];
  /** Requests a minute; null is unlimited. */
  readonly rpm: number | null;
  readonly notes: string;
  /** Whose it is, and which group's; limits can be set for either. */
  readonly user: string | null;
  readonly group: string | null;
  /** Besides `rpm`. */
  readonly limits: Omit<LimitRules, "rpm">;
};
