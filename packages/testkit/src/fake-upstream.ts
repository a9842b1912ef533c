import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isObject, parseJson, type DialectName, type JsonObject } from "@trunkline/contracts";

export type ReceivedRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: JsonObject;
  readonly text: string;
  readonly dialect: DialectName | undefined;
  readonly stream: boolean;
};

/** Decides what the upstream answers; nothing is answered for it. */
export type Behaviour = (request: ReceivedRequest, response: ServerResponse) => void | Promise<void>;

export type FakeUpstream = {
  /** Without a path. */
  readonly origin: string;
  /** Everything received so far, oldest first. */
  readonly received: ReceivedRequest[];
  /** Resolves with the next request whose connection the client closes before the answer's end. */
  nextAbort(): Promise<void>;
  close(): Promise<void>;
};

function dialectOf(path: string): DialectName | undefined {
  if (path.includes("/chat/completions")) return "openai-chat";
  if (path.includes("/responses")) return "openai-responses";
  if (path.includes("/messages")) return "anthropic-messages";
  return /:(?:stream)?[gG]enerateContent/.test(path) ? "gemini" : undefined;
}

async function receive(message: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const parsed = parseJson(text);
  const body = isObject(parsed) ? parsed : {};
  const path = message.url ?? "/";
  return {
    method: message.method ?? "",
    path,
    headers: message.headers,
    body,
    text,
    dialect: dialectOf(path),
    stream: body["stream"] === true || path.includes(":stream"),
  };
}

/** A vendor's server on a port the system chooses. */
export async function startUpstream(behaviour: Behaviour): Promise<FakeUpstream> {
  const received: ReceivedRequest[] = [];
  const aborts: (() => void)[] = [];
  const server = createServer((message, response) => {
    response.on("close", () => {
      if (!response.writableFinished) aborts.splice(0).forEach((resolve) => resolve());
    });
    receive(message).then(
      async (request) => {
        received.push(request);
        await behaviour(request, response);
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    received,
    nextAbort: () => new Promise((resolve) => aborts.push(resolve)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Sends JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** Sends a stream's text at once. */
export function sendSse(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "text/event-stream" }).end(text);
}
