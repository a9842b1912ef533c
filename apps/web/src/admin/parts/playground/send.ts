import type { Dialect, PlaygroundRequest } from "./dialects.ts";

export type Run = {
  readonly status: number;
  readonly body: unknown;
  readonly headers: string;
  readonly raw: string;
  readonly requestId: string | null;
  /** Milliseconds. */
  readonly firstMs: number | undefined;
  readonly totalMs: number | undefined;
};

const shownHeaders = /^(?:content-type|x-request-id|x-trunkline-.*|retry-after)$/;

function authorizationOf(dialect: Dialect, secret: string): Record<string, string> {
  switch (dialect) {
    case "anthropic-messages":
      return { "x-api-key": secret, "anthropic-version": "2023-06-01" };
    case "gemini":
      return { "x-goog-api-key": secret };
    case "openai-chat":
    case "openai-responses":
      return { authorization: `Bearer ${secret}` };
  }
}

/** Asks a model as any client would, and tells what has come so far as it comes. */
export async function send(
  dialect: Dialect,
  request: PlaygroundRequest,
  secret: string,
  signal: AbortSignal,
  onProgress: (run: Run) => void,
): Promise<void> {
  const from = performance.now();
  const answer = await fetch(request.path, {
    method: "POST",
    headers: { "content-type": "application/json", ...authorizationOf(dialect, secret) },
    body: JSON.stringify(request.body),
    signal,
    credentials: "omit",
  });
  const headers = [...answer.headers]
    .filter(([name]) => shownHeaders.test(name))
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
  let raw = "";
  let firstMs: number | undefined;
  const tell = (totalMs?: number) =>
    onProgress({
      status: answer.status,
      body: request.body,
      headers,
      raw,
      requestId: answer.headers.get("x-request-id"),
      firstMs,
      totalMs,
    });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      firstMs ??= performance.now() - from;
      raw += piece.value;
      tell();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  tell(performance.now() - from);
}
