import type { HttpClient } from "./client.ts";
import type { ResponseHeaders } from "./response-parser.ts";
import { coded } from "./connection.ts";
import { gather } from "./gather.ts";

/** Bytes. Lists of models and kept answers are far smaller. */
const largest = 64 * 1024 * 1024;

export type TextAnswer = { readonly status: number; readonly headers: ResponseHeaders; readonly text: string };

/** A whole answer as text. Rejects with the network's error, or the signal's reason. */
export function fetchText(
  client: HttpClient,
  request: { method: "GET" | "DELETE"; path: string; headers: Readonly<Record<string, string>> },
  signal?: AbortSignal,
): Promise<TextAnswer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const gathered = gather(largest);
    let answer: Omit<TextAnswer, "text"> = { status: 0, headers: {} };
    const call = client.send(request, {
      head: (status, headers) => (answer = { status, headers }),
      data(chunk) {
        if (gathered.add(chunk)) return;
        call.cancel();
        done(() => reject(coded("TOO_LARGE", "the answer is too large")));
      },
      end: () => done(() => resolve({ ...answer, text: gathered.whole().toString() })),
      error: (error) => done(() => reject(error as Error)),
    });
    const stop = () => {
      call.cancel();
      reject(signal!.reason as Error);
    };
    signal?.addEventListener("abort", stop, { once: true });
    function done(settle: () => void): void {
      signal?.removeEventListener("abort", stop);
      settle();
    }
  });
}
