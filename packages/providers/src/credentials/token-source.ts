import type { AccountReport } from "@trunkline/contracts";

/** A credential that changes while the gateway runs. */
export type TokenSource = {
  /** The token to send, when there is one that holds. */
  current(): string | undefined;
  /** The same, obtained if need be. Throws GatewayError. */
  obtain(): Promise<string>;
  /** Another one, after this one was refused; undefined when there is no way to one. Throws GatewayError. */
  insteadOf(refused: string): Promise<string | undefined>;
  /** Takes every token it has known out of a text. */
  conceal(text: string): string;
  /** What is kept was changed: it is looked at before the next request. */
  lookAgain(): void;
  report(): Promise<AccountReport>;
};
