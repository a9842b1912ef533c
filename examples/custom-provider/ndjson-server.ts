// A provider for a model server with an API of its own: it is sent {"model", "prompt"} and streams lines of JSON, {"token": "…"} each and at
// the end {"done": true, "tokens_in": 12, "tokens_out": 34}. Name it in trunkline.yaml:
//
//   providers:
//     house:
//       kind: custom
//       path: /path/to/ndjson-server.ts
//       options: { url: "http://127.0.0.1:9100" }
//
// The shape of what is exported is described in docs/guides/custom-providers.md.

type Request = {
  model: string;
  system: string;
  messages: readonly { role: string; text: string }[];
  signal: AbortSignal;
};
type Line = { token?: string; done?: boolean; tokens_in?: number; tokens_out?: number };

export function createProvider({ url }: { url: string }) {
  async function send(path: string, init?: RequestInit): Promise<Response> {
    const response = await fetch(url + path, init);
    if (response.ok) return response;
    // The status says what sort of failure it is, so that another target can be asked.
    throw Object.assign(new Error(`it answered ${response.status}: ${await response.text()}`), {
      status: response.status,
    });
  }

  async function* lines({ body }: Response): AsyncIterable<Line> {
    let rest = "";
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      const all = (rest + text).split("\n");
      rest = all.pop()!;
      for (const line of all) if (line.trim() !== "") yield JSON.parse(line) as Line;
    }
  }

  return {
    models: async () => ((await (await send("/models")).json()) as { models: string[] }).models,
    async *generate({ model, system, messages, signal }: Request) {
      const prompt = [system, ...messages.map(({ role, text }) => `${role}: ${text}`), "assistant:"].join("\n");
      const response = await send("/generate", { method: "POST", body: JSON.stringify({ model, prompt }), signal });
      for await (const { token, done, tokens_in, tokens_out } of lines(response)) {
        if (token !== undefined) yield token;
        if (!done) continue;
        yield { usage: { inputTokens: tokens_in ?? 0, outputTokens: tokens_out ?? 0 } };
        return;
      }
      throw new Error("the stream ended before it was done");
    },
  };
}
