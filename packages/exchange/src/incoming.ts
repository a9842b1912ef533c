import type { DialectName, Key, Operation, TraceContext } from "@trunkline/contracts";
import type { RequestBody } from "@trunkline/dialects";
import type { Priority } from "@trunkline/providers";
import type { FallbackWish } from "./routing/plan.ts";
import type { RequestHeaders } from "./routing/request-facts.ts";

/** A request as the HTTP edge hands it over, already parsed. */
export type Incoming = {
  readonly id: string;
  readonly receivedAt: number;
  readonly dialect: DialectName;
  readonly operation: Operation;
  readonly batch: boolean;
  readonly secret: string | undefined;
  /** Whose it is, where that is known without a secret: work in the background. */
  readonly key: Key | undefined;
  readonly model: string;
  readonly stream: boolean;
  /** Gemini's stream without `alt=sse`. */
  readonly asJsonArray: boolean;
  readonly body: RequestBody;
  /** The session the turn belongs to: its id, or `new`. */
  readonly session: string | undefined;
  readonly priority: Priority;
  /** What `X-Claude-Code` says: answer with Claude Code, or with anything but it. Undefined when it says nothing. */
  readonly claudeCode: boolean | undefined;
  /** What `X-SheLLM-Allow-Fallback` and `X-SheLLM-Fallback-Provider` say. */
  readonly fallback: FallbackWish;
  /** All of the client's headers, for routes to look at. */
  readonly headers: RequestHeaders;
  /** The client's headers that mean something to the vendor. */
  readonly vendorHeaders: Readonly<Record<string, string>>;
  /** Null where nothing is traced. */
  readonly trace: TraceContext | null;
};
