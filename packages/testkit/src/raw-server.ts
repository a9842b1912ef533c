import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export type RawServer = {
  readonly origin: string;
  /** Connections made so far. */
  connections(): number;
  close(): Promise<void>;
};

/** A server that deals with each request's bytes itself. `answer` gets the socket once a whole request with a content-length has come. */
export async function startRawServer(answer: (socket: Socket, request: string) => void): Promise<RawServer> {
  const open = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      for (;;) {
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        const request = text.slice(0, end + 4 + length);
        text = text.slice(end + 4 + length);
        answer(socket, request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Sends bytes to an origin as they are, and resolves with all that comes back until the other side closes. */
export function exchangeBytes(
  origin: string,
  bytes: string | Buffer,
  options: { halfClose?: boolean } = {},
): Promise<string> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" || error.code === "EPIPE" ? resolve(text) : reject(error),
    );
    socket.on("end", () => {
      socket.end();
      resolve(text);
    });
    socket.on("close", () => resolve(text));
    socket.write(bytes);
    if (options.halfClose) socket.end();
  });
}

/** A request as bytes. */
export function requestBytes(path: string, headers: Readonly<Record<string, string>>, body: string): string {
  const lines = Object.entries({ host: "gateway", "content-type": "application/json", ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `POST ${path} HTTP/1.1\r\n${lines.join("")}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
