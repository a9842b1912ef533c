import type { Conversation, GatewayError, QuotaWindow, StreamEvent } from "@trunkline/contracts";
import type { Capabilities, ModelInfo } from "../provider.ts";
import type { ChildLimits } from "./process/spawn-child.ts";

/** One sign-in at a vendor: a home folder of its own in which the vendor's program finds its credential. */
export type Account = {
  readonly name: string;
  /** HOME of the program. */
  readonly home: string;
  /** An empty folder of its own that stays, for programs that know their sessions by where they ran. */
  readonly workFolder: string;
  /** True when the home belongs to a person, who keeps settings of their own in it. */
  readonly shared: boolean;
  /** Set for the program on top of what the driver sets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Put behind the driver's own arguments. */
  readonly arguments: readonly string[];
  /** Refuse what would be billed beyond the plan. */
  readonly planLimitsOnly: boolean;
};

/** Where a program is started for an account. */
export type Seat = {
  readonly provider: string;
  readonly account: Account;
  readonly command: string;
  /** Put before the driver's own arguments. */
  readonly leading: readonly string[];
  readonly version: string;
  /** The gateway's own environment, of which a child sees very little. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly childrenFolder: string;
  readonly limits: Partial<ChildLimits>;
  /** Processes kept ready for the next request. */
  readonly warm: number;
  /** What the vendor told of the account's plan. */
  readonly onQuota: (windows: readonly QuotaWindow[]) => void;
  readonly now: () => number;
  /** A line for the operator's log; never an answer's text. */
  readonly warn: (message: string) => void;
};

export type Opening = {
  /** The model's name at the program. */
  readonly model: string;
  readonly conversation: Conversation;
  /** A session the program itself shall remember; with `resume`, one it does. */
  readonly session: { readonly resume: string | undefined } | undefined;
};

export type Turn = {
  readonly conversation: Conversation;
  /** Index of the first message the thread does not know yet. */
  readonly from: number;
};

/** Where a turn's answer goes. Exactly one of `done` and `fail` ends it. */
export type TurnSink = {
  event(event: StreamEvent): void;
  /** Members of the request that had no effect. */
  degraded(members: readonly string[]): void;
  done(): void;
  fail(error: GatewayError): void;
};

/** One conversation at a program. */
export type Thread = {
  /** The name under which the program finds it again; undefined when it keeps none. */
  readonly resumeId: string | undefined;
  /** False where every turn takes a process of its own. */
  readonly lasting: boolean;
  /** Another turn may follow: with these tool results if it stopped at calls, else with anything. */
  canContinue(turn: Turn): boolean;
  run(turn: Turn, sink: TurnSink): void;
  pause(): void;
  resume(): void;
  /** Ends the thread, whatever it is doing. Resolves when nothing of it runs. */
  close(): Promise<void>;
};

/** A vendor's program as one account uses it. */
export type Program = {
  /** A new thread, or a resumed one. Nothing is asked of the model yet. Throws GatewayError. */
  open(opening: Opening): Promise<Thread>;
  /** Asks the program how much of the plan is used. Throws GatewayError. */
  readQuota?(): Promise<readonly QuotaWindow[]>;
  /** Forgets a session the program keeps. */
  forget?(resumeId: string): Promise<void>;
  listModels?(): Promise<readonly ModelInfo[]>;
  close(): Promise<void>;
};

export type SignIn = { readonly state: "yes" | "no" | "unknown"; readonly detail: string };

/** A vendor's program, as data and as a way to start it. */
export type Driver = {
  readonly name: string;
  /** As people call it. */
  readonly title: string;
  readonly command: string;
  /** Whose models: decides which signatures are handed back. */
  readonly family: string;
  readonly capabilities: Capabilities;
  /** Models everyone with a plan may ask for, where the program itself cannot tell. */
  readonly models: readonly ModelInfo[];
  claims(model: string): boolean;
  /** Oldest version this driver knows how to talk to. */
  readonly oldest: string;
  /** How to get the program, as a sentence. */
  readonly install: string;
  /** Where the version is read; running the program when absent. */
  version?(command: string): string | undefined;
  /** What is run instead of a launcher that only starts it: a process less, and none to be orphaned. */
  launcher?(file: string): { readonly command: string; readonly leading: readonly string[] } | undefined;
  /** The vendor's own log-in in an account's home. */
  login(account: Account, version: string): { readonly args: readonly string[]; readonly hint: string };
  logout?(account: Account): readonly string[];
  /** Environment for everything run in this account's home. */
  environment(account: Account): Readonly<Record<string, string>>;
  /** Whether somebody is signed in there, as far as can be told without the network. */
  signIn(account: Account): SignIn;
  /** Refuses what would change the answer's form (throws `unsupported_parameter`) and names what will have no effect. */
  check(conversation: Conversation): readonly string[];
  connect(seat: Seat): Program;
};
