import type { Completion, DialectName, JsonObject, StreamEvent } from "@trunkline/contracts";
import { createCollector, createSseParser, dialects } from "@trunkline/dialects";
import type { Expected } from "@trunkline/testkit";

/** What an answer says, read by the client dialect's own decoder. */
export function said(completion: Completion): Expected {
  const content = completion.choices[0]!.content;
  const join = (type: "text" | "reasoning") =>
    content.flatMap((part) => (part.type === type ? [part.text] : [])).join("");
  return {
    text: join("text"),
    reasoning: join("reasoning"),
    calls: content.flatMap((part) =>
      part.type === "tool-call" ? [{ name: part.name, input: JSON.parse(part.input) as unknown }] : [],
    ),
    refusal: content.some((part) => part.type === "refusal"),
    finish: completion.choices[0]!.finish.reason,
    inputTokens: completion.usage!.inputTokens,
    outputTokens: completion.usage!.outputTokens,
    cacheReadTokens: completion.usage!.cacheReadTokens,
    reasoningTokens: completion.usage!.reasoningTokens,
  };
}

/** An answer in our own form, whichever dialect it came in. Throws what a stream ended in. */
export async function readAnswer(dialect: DialectName, response: Response): Promise<Completion> {
  if (!response.headers.get("content-type")?.includes("event-stream"))
    return dialects[dialect].decodeResponse((await response.json()) as JsonObject);
  const collector = createCollector();
  for (const event of await readEvents(dialect, response)) collector.add(event);
  if (collector.error) throw collector.error;
  return collector.completion();
}

export async function readEvents(dialect: DialectName, response: Response): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  const decoder = dialects[dialect].createStreamDecoder();
  const emit = (event: StreamEvent) => void events.push(event);
  const parser = createSseParser((name, data) => decoder.event(name, data, emit));
  for await (const chunk of response.body!) parser.push(Buffer.from(chunk as Uint8Array));
  decoder.close(emit);
  return events;
}
