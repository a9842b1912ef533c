export const dialects = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const;
export type Dialect = (typeof dialects)[number];

export type Wish = {
  readonly model: string;
  readonly prompt: string;
  readonly system: string;
  readonly stream: boolean;
  readonly temperature: number | undefined;
};

export type PlaygroundRequest = {
  readonly path: string;
  readonly model: string;
  readonly stream: boolean;
  readonly body: Record<string, unknown>;
};

/** The same wish in the words of each vendor. */
export function requestFor(dialect: Dialect, wish: Wish): PlaygroundRequest {
  const { model, prompt, system, stream, temperature } = wish;
  const sampling = temperature === undefined ? {} : { temperature };
  const made = (path: string, body: Record<string, unknown>): PlaygroundRequest => ({ path, model, stream, body });
  switch (dialect) {
    case "openai-chat":
      return made("/v1/chat/completions", {
        model,
        ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
        ...sampling,
        messages: [...(system === "" ? [] : [{ role: "system", content: system }]), { role: "user", content: prompt }],
      });
    case "openai-responses":
      return made("/v1/responses", {
        model,
        ...(stream ? { stream: true } : {}),
        ...sampling,
        store: false,
        ...(system === "" ? {} : { instructions: system }),
        input: prompt,
      });
    case "anthropic-messages":
      return made("/v1/messages", {
        model,
        max_tokens: 2048,
        ...(stream ? { stream: true } : {}),
        ...sampling,
        ...(system === "" ? {} : { system }),
        messages: [{ role: "user", content: prompt }],
      });
    case "gemini":
      return made(`/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`, {
        ...(system === "" ? {} : { systemInstruction: { parts: [{ text: system }] } }),
        contents: [{ role: "user", parts: [{ text: prompt }] }],
        ...(temperature === undefined ? {} : { generationConfig: { temperature } }),
      });
  }
}

/** Everything in an answer that is JSON: one object, or one per event of a stream. */
function piecesOf(raw: string): unknown[] {
  const lines = raw.startsWith("{") || raw.startsWith("[") ? [raw] : raw.split("\n");
  return lines.flatMap((line) => {
    const text = line.startsWith("data:") ? line.slice(5).trim() : line.trim();
    if (!text.startsWith("{")) return [];
    try {
      return [JSON.parse(text) as unknown];
    } catch {
      return [];
    }
  });
}

type Loose = { readonly [name: string]: Loose } & readonly Loose[];
const at = (value: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((inner, name) => (inner as Loose | undefined)?.[name as never], value);
const text = (value: unknown) => (typeof value === "string" ? value : "");
const join = (value: unknown, of: (item: unknown) => string) => (Array.isArray(value) ? value.map(of).join("") : "");

function pieceText(dialect: Dialect, piece: unknown): string {
  switch (dialect) {
    case "openai-chat":
      return text(at(piece, "choices", 0, "delta", "content")) || text(at(piece, "choices", 0, "message", "content"));
    case "openai-responses":
      if (at(piece, "type") === "response.output_text.delta") return text(at(piece, "delta"));
      return join(at(piece, "output"), (item) => join(at(item, "content"), (part) => text(at(part, "text"))));
    case "anthropic-messages":
      return text(at(piece, "delta", "text")) || join(at(piece, "content"), (part) => text(at(part, "text")));
    case "gemini":
      return join(at(piece, "candidates", 0, "content", "parts"), (part) => text(at(part, "text")));
  }
}

/** What an answer says: its text, or the message of its error. */
export function textOf(dialect: Dialect, raw: string, status: number): string {
  const pieces = piecesOf(raw);
  const said = pieces.map((piece) => pieceText(dialect, piece)).join("");
  const failed = pieces.map((piece) => text(at(piece, "error", "message"))).join("");
  return said + failed || (status >= 400 ? raw : "");
}
