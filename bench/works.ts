import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache } from "./processes.ts";

/** A request as a client sends it, before a server's own address and credentials are added. */
export type Work = {
  readonly name: string;
  /** Which of the upstream's answers it asks for. */
  readonly answer: "whole" | "burst" | "slow" | "fast";
  readonly dialect: "openai-chat" | "anthropic-messages";
  readonly body: string;
};

function chat(answer: Work["answer"], size: number, stream: boolean, begin = ""): string {
  const text =
    begin + "All the words a person types before they press enter. ".repeat(Math.ceil(size / 54)).slice(0, size);
  return JSON.stringify({
    model: `bench-${answer}`,
    ...(stream ? { stream: true } : {}),
    temperature: 0.2,
    messages: [
      { role: "system", content: "You are a terse assistant." },
      { role: "user", content: text },
    ],
  });
}

function agentTurns(bytes: number): string {
  const messages: object[] = [{ role: "system", content: "You are a coding agent." }];
  let size = 0;
  for (let turn = 0; size < bytes; turn++) {
    const added = [
      {
        role: "assistant",
        content: null,
        tool_calls: [
          {
            id: `call_${turn}`,
            type: "function",
            function: { name: "read_file", arguments: `{"path":"src/file-${turn}.ts"}` },
          },
        ],
      },
      {
        role: "tool",
        tool_call_id: `call_${turn}`,
        content: `export const value${turn} = "${"source code ".repeat(70)}";\n`,
      },
    ];
    size += JSON.stringify(added).length;
    messages.push(...added);
  }
  return JSON.stringify({ model: "bench-whole", temperature: 0.2, messages });
}

const plain = { dialect: "openai-chat" } as const;

export const works = {
  w1: { ...plain, name: "chat, 1 KB in, 1.2 KB out", answer: "whole", body: chat("whole", 850, false) },
  /** The same, but no two requests alike: what is looked for in a cache is not found. */
  w1full: { ...plain, name: "chat with everything on", answer: "whole", body: chat("whole", 842, false, "########") },
  w2: { ...plain, name: "stream of 100 events", answer: "burst", body: chat("burst", 850, true) },
  w3: { ...plain, name: "200 streams, an event each 25 ms", answer: "slow", body: chat("slow", 850, true) },
  w3fast: { ...plain, name: "20 streams, an event each 5 ms", answer: "fast", body: chat("fast", 850, true) },
  w4: {
    name: "Anthropic client, Chat upstream, stream of 100 events",
    answer: "burst",
    dialect: "anthropic-messages",
    body: JSON.stringify({
      model: "bench-burst",
      stream: true,
      max_tokens: 1024,
      system: "You are a terse assistant.",
      messages: [{ role: "user", content: "All the words a person types before they press enter. ".repeat(15) }],
    }),
  },
  w5: { ...plain, name: "200 KB body of an agent's turns", answer: "whole", body: agentTurns(200_000) },
} satisfies Record<string, Work>;

/** Writes the whole HTTP request to a file the load program sends. */
export function writeRequest(
  file: string,
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): string {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    "content-type": "application/json",
    ...headers,
    "content-length": String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const target = join(cache, file);
  writeFileSync(target, `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  return target;
}
