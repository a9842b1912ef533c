import { bodyFrame, firstWindow, mostBodyBytes, ProtocolViolation, type GatewayFrame } from "../protocol/frames.ts";
import { WorkError, type Performer, type WorkAnswer } from "./performer.ts";

/** Longest body of a request that is made. */
const largestBody = 256 * 1024 * 1024;

export type WorkLink = {
  send(frame: { readonly type: string; readonly id: number } & Record<string, unknown>): void;
  sendBody(frame: Buffer): void;
};

/** One request that is being made. */
export type Work = {
  credit(bytes: number): void;
  body(bytes: Buffer): void;
  bodyEnd(): void;
  cancel(): void;
};

export function startWork(
  { id, method, path, headers, body: hasBody }: Extract<GatewayFrame, { type: "request" }>,
  link: WorkLink,
  performer: Performer,
  onOver: () => void,
): Work {
  const aborting = new AbortController();
  const { signal } = aborting;
  const pieces: Buffer[] = [];
  let size = 0;
  let owed = 0;
  let sendable = firstWindow;
  let receivable = firstWindow;
  let isComplete = !hasBody;
  let isOver = false;
  let wake: (() => void) | undefined;

  signal.addEventListener("abort", () => wake?.());

  const more = () => new Promise<void>((resolve) => (wake = resolve));

  const answer: WorkAnswer = {
    head(status, answerHeaders) {
      if (!signal.aborted) link.send({ type: "response", id, status, headers: answerHeaders });
    },
    async data(bytes) {
      for (let at = 0; at < bytes.length;) {
        while (sendable <= 0 && !signal.aborted) await more();
        signal.throwIfAborted();
        const piece = bytes.subarray(at, at + Math.min(mostBodyBytes, sendable));
        sendable -= piece.length;
        at += piece.length;
        link.sendBody(bodyFrame(id, piece));
      }
    },
  };

  function end(frame: { readonly type: string } & Record<string, unknown>): void {
    if (isOver) return;
    isOver = true;
    link.send({ ...frame, id });
    onOver();
  }

  function begin(): void {
    const request = { method, path, headers, body: Buffer.concat(pieces), signal };
    pieces.length = 0;
    performer.perform(request, answer).then(
      () => end({ type: "end" }),
      (error: unknown) => {
        if (signal.aborted) return end({ type: "error", code: "cancelled", message: "cancelled" });
        const known = error instanceof WorkError ? error : new WorkError("internal", String(error));
        end({ type: "error", code: known.code, message: known.message.slice(0, 2000) });
      },
    );
  }
  if (isComplete) begin();

  return {
    credit(bytes) {
      sendable += bytes;
      wake?.();
    },
    body(bytes) {
      receivable -= bytes.length;
      if (isComplete || receivable < 0) throw new ProtocolViolation("more of a body than was granted");
      size += bytes.length;
      if (size > largestBody)
        return end({ type: "error", code: "refused", message: "the request's body is too large for this worker" });
      pieces.push(bytes);
      owed += bytes.length;
      if (owed < firstWindow / 2) return;
      receivable += owed;
      link.send({ type: "credit", id, bytes: owed });
      owed = 0;
    },
    bodyEnd() {
      if (isComplete) throw new ProtocolViolation("two ends of one body");
      isComplete = true;
      if (!isOver) begin();
    },
    cancel() {
      aborting.abort(new WorkError("cancelled", "cancelled"));
      // Nothing runs yet that could say so.
      if (!isComplete) end({ type: "error", code: "cancelled", message: "cancelled" });
    },
  };
}
