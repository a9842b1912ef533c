import type { DialectName, JsonObject, Operation } from "@trunkline/contracts";

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
  readonly bytes: Buffer;
  readonly body: JsonObject;
  /** The client's headers that mean something to the vendor. */
  readonly vendorHeaders: Readonly<Record<string, string>>;
};
