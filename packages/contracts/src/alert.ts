/** What an alert watches. */
export const alertKinds = [
  "budget_soft",
  "budget_hard",
  "error_rate",
  "provider_down",
  "quota_low",
  "sign_in_failures",
  "disk_low",
  "daily_cost",
  "daily_report",
] as const;
export type AlertKind = (typeof alertKinds)[number];

export type AlertRule = {
  readonly id: string;
  readonly kind: AlertKind;
  readonly isEnabled: boolean;
  /** What it is reached at, in the kind's unit; null for its usual one. */
  readonly threshold: number | null;
  /** Channels it goes to; empty is all of them. */
  readonly channels: readonly string[];
  /** Minutes the same alert is not sent again. */
  readonly quietMinutes: number;
};

export const channelKinds = ["webhook", "slack", "discord", "teams", "email"] as const;
export type ChannelKind = (typeof channelKinds)[number];

export type AlertChannel = {
  readonly id: string;
  readonly name: string;
  readonly kind: ChannelKind;
  readonly isEnabled: boolean;
  /** An address or addresses, and secrets: sealed at rest, never shown whole. */
  readonly settings: Readonly<Record<string, string>>;
};

/** Something that was noticed, and what became of telling of it. */
export type AlertEvent = {
  readonly id: string;
  readonly kind: AlertKind;
  /** What it is about: of the same subject an alert is sent once in its quiet time. */
  readonly subject: string;
  readonly title: string;
  readonly text: string;
  readonly at: number;
  /** `{channel: null | what went wrong}`. */
  readonly deliveries: Readonly<Record<string, string | null>>;
};
