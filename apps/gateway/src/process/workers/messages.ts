import type { BudgetAmount } from "@trunkline/contracts";
import type { Lease, LimitAnswer, LimitQuestion, LimitReport } from "@trunkline/policies";
import type { ServiceReport } from "@trunkline/providers";
import type { PackedRows } from "@trunkline/store";

/** What a worker asks of the primary process, and what it is answered. */
export type Questions = {
  /** Writes finished exchanges; answered when they are on disk. */
  readonly append: { readonly question: PackedRows; readonly answer: void };
  /** Requests of a key granted in advance. */
  readonly lease: {
    readonly question: { readonly keyId: string; readonly limit: number; readonly want: number; readonly now: number };
    readonly answer: Lease;
  };
  /** Lets a request in by its limits. */
  readonly enter: { readonly question: LimitQuestion; readonly answer: LimitAnswer };
  readonly limitReport: { readonly question: number; readonly answer: LimitReport[] };
  /** The port of a service, once it is up; undefined when it is not within the time. */
  readonly service: {
    readonly question: { readonly name: string; readonly waitMs: number };
    readonly answer: number | undefined;
  };
  readonly services: { readonly question: null; readonly answer: readonly ServiceReport[] };
  readonly restartService: { readonly question: string; readonly answer: boolean };
  /** The metrics of all workers as one text. */
  readonly metrics: { readonly question: null; readonly answer: string };
};

/** What a worker that answers says of itself. */
export type Ready = {
  readonly port: number;
  /** Providers it could not make, with the reason. */
  readonly failures: readonly { readonly name: string; readonly reason: string }[];
};

export type QuestionName = keyof Questions;

export type ToPrimary =
  | { readonly type: "ask"; readonly id: number; readonly name: QuestionName; readonly question: unknown }
  | { readonly type: "give-back"; readonly keyId: string; readonly began: number; readonly count: number }
  | {
      readonly type: "leave";
      readonly id: string;
      readonly used: { readonly inputTokens: number; readonly outputTokens: number };
      readonly unused?: readonly BudgetAmount[];
    }
  | { readonly type: "renew"; readonly ids: readonly string[]; readonly now: number }
  | ({ readonly type: "ready" } & Ready)
  /** It could not start, and why, in words for the person at the terminal. */
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "collected"; readonly id: number; readonly metrics: object };

export type ToWorker =
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly message: string }
  | { readonly type: "collect"; readonly id: number }
  /** Ends now: the port stays open meanwhile, and whoever comes is told so. */
  | { readonly type: "stop" }
  /** Ends once what runs has ended: another worker takes what comes. */
  | { readonly type: "retire" };
