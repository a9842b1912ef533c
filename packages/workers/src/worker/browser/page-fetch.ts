/** What the page tells of one request, in this order. Awaited by the page: it reads no further before it is answered. */
export type PagePiece =
  | { readonly kind: "head"; readonly id: number; readonly status: number; readonly headers: [string, string][] }
  | { readonly kind: "data"; readonly id: number; readonly bytes: string };

export type PageRequest = {
  /** What the page calls to tell of it. */
  readonly binding: string;
  readonly id: number;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64; empty for none. */
  readonly body: string;
  /** Bytes that may be read and not taken yet. */
  readonly mostAhead: number;
};

/** How a request ended in the page. */
export type PageOutcome = "done" | "redirected" | "cancelled" | "too-slow" | { readonly failed: string };

type PageWindow = Record<string, ((piece: PagePiece) => Promise<void>) | Map<number, AbortController> | undefined>;

/**
 * Runs in the page, with its cookies and its origin: it may use nothing from outside itself.
 *
 * Chromium keeps what a page does not read of an answer, without limit, instead of slowing the server down. So the page reads at once and
 * counts what waits to be taken.
 */
export async function fetchInPage(request: PageRequest): Promise<PageOutcome> {
  const { binding, id, url, method, headers, body, mostAhead } = request;
  const page = globalThis as unknown as PageWindow;
  const tell = page[binding] as (piece: PagePiece) => Promise<void>;
  const running = (page[`${binding}running`] ??= new Map()) as Map<number, AbortController>;
  const controller = new AbortController();
  running.set(id, controller);
  const base64 = (bytes: Uint8Array) => {
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return btoa(text);
  };
  try {
    const answer = await fetch(url, {
      method,
      headers,
      credentials: "include",
      // To where one signs in, as a rule: nothing a model would answer.
      redirect: "manual",
      signal: controller.signal,
      ...(body === "" ? {} : { body: Uint8Array.from(atob(body), (character) => character.charCodeAt(0)) }),
    });
    if (answer.type === "opaqueredirect") return "redirected";
    await tell({ kind: "head", id, status: answer.status, headers: [...answer.headers] });
    const reader = answer.body?.getReader();
    let ahead = 0;
    let telling = Promise.resolve();
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader!.read()) {
      const { value } = piece;
      ahead += value.length;
      if (ahead > mostAhead) {
        controller.abort();
        return "too-slow";
      }
      telling = telling
        .then(() => tell({ kind: "data", id, bytes: base64(value) }))
        .then(() => void (ahead -= value.length));
      // Nobody takes it any more: there is nothing to read on for.
      telling.catch(() => controller.abort());
    }
    await telling;
    return "done";
  } catch (error) {
    return controller.signal.aborted ? "cancelled" : { failed: String(error) };
  } finally {
    running.delete(id);
  }
}

/** Runs in the page. */
export function cancelInPage({ binding, id }: { readonly binding: string; readonly id: number }): void {
  const page = globalThis as unknown as PageWindow;
  (page[`${binding}running`] as Map<number, AbortController> | undefined)?.get(id)?.abort();
}
