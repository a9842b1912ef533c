import type { DialectName, Key, KillSwitch, Operation } from "@trunkline/contracts";

/** What a policy may look at before a request goes on. */
export type PolicyContext = {
  readonly requestId: string;
  readonly dialect: DialectName;
  readonly operation: Operation;
  /** The secret the client sent, if any. */
  readonly secret: string | undefined;
  /** Set by `authenticate`, unless it is known already. */
  key: Key | undefined;
  /** Those in force; set by `killSwitch`. */
  killSwitches: readonly KillSwitch[];
  /** The name the client asked for. */
  readonly model: string;
  /** Headers a policy adds to the answer, whatever it will be. */
  readonly answerHeaders: Record<string, string>;
  readonly now: number;
};

/** Lets a request pass, or throws the GatewayError that ends it. Policies run in the order of one list. */
export type Policy = (context: PolicyContext) => void | Promise<void>;
