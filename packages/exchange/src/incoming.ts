import type { DialectName, Operation } from "@trunkline/contracts";
import type { RequestBody } from "@trunkline/dialects";

/** A request as the HTTP edge hands it over, already parsed. */
export type Incoming = {
  readonly id: string;
  readonly receivedAt: number;
  readonly dialect: DialectName;
  readonly operation: Operation;
  readonly batch: boolean;
  readonly secret: string | undefined;
  readonly model: string;
  readonly stream: boolean;
  /** Gemini's stream without `alt=sse`. */
  readonly asJsonArray: boolean;
  readonly body: RequestBody;
  /** The client's headers that mean something to the vendor. */
  readonly vendorHeaders: Readonly<Record<string, string>>;
};
