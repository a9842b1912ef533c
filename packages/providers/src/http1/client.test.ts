import { createServer, type AddressInfo, type Socket } from "node:net";
import { startRawServer, type RawServer } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { createHttpClient, type Call, type ClientTimeouts, type HttpClient } from "./client.ts";

const timeouts: ClientTimeouts = { connect: 5000, firstByte: 60_000, idle: 60_000, total: 60_000 };
const good = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
let server: RawServer;
let client: HttpClient;

afterEach(async () => {
  client?.close();
  await server?.close();
});

async function start(
  answer: (socket: Socket, request: string) => void,
  more: Partial<ClientTimeouts> = {},
): Promise<void> {
  server = await startRawServer(answer);
  client = createHttpClient(new URL(server.origin), { ...timeouts, ...more });
}

type Heard = { status: number; body: string; error?: { code?: string } };

function ask(path = "/", body: Buffer | string = "{}", onStart: (call: Call) => void = () => {}): Promise<Heard> {
  return new Promise((resolve) => {
    const heard: Heard = { status: 0, body: "" };
    const call = client.send(
      { method: "POST", path, headers: { "x-test": "1" }, body },
      {
        head: (status) => (heard.status = status),
        data: (chunk) => (heard.body += chunk.toString()),
        end: () => resolve(heard),
        error: (error) => resolve({ ...heard, error: error as { code?: string } }),
      },
    );
    onStart(call);
  });
}

test("a connection is used again, and one request at a time is on it", async () => {
  const requests: string[] = [];
  await start((socket, request) => {
    requests.push(request);
    socket.write(good);
  });
  for (let turn = 0; turn < 5; turn++) expect(await ask()).toEqual({ status: 200, body: "ok" });
  expect(server.connections()).toBe(1);
  await Promise.all([ask(), ask(), ask()]);
  expect(server.connections()).toBe(3);
  expect(requests[0]).toBe(
    `POST / HTTP/1.1\r\nhost: ${new URL(server.origin).host}\r\nx-test: 1\r\ncontent-length: 2\r\n\r\n{}`,
  );
});

test.each([
  ["closes it", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"],
  ["keeps it for a second only", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=1\r\n\r\nok"],
  ["says more than was asked", `${good}HTTP/1.1 200 OK\r\n\r\n`],
])("a connection is not used again when the server %s", async (_name, text) => {
  await start((socket) => void socket.write(text));
  expect(await ask()).toEqual({ status: 200, body: "ok" });
  expect(await ask()).toEqual({ status: 200, body: "ok" });
  expect(server.connections()).toBe(2);
});

test("a kept connection the server has closed is not used", async () => {
  const sockets: Socket[] = [];
  await start((socket) => {
    sockets.push(socket);
    socket.write(good);
  });
  await ask();
  const closed = new Promise((resolve) => sockets[0]!.once("close", resolve));
  sockets[0]!.end();
  await closed;
  expect(await ask()).toEqual({ status: 200, body: "ok" });
});

test("an answer that comes before the request is sent ends the connection with it", async () => {
  const early = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.pause();
      socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno", () => sockets.push(socket));
    });
  });
  const sockets: Socket[] = [];
  await new Promise<void>((resolve) => early.listen(0, "127.0.0.1", resolve));
  client = createHttpClient(new URL(`http://127.0.0.1:${(early.address() as AddressInfo).port}`), timeouts);
  const large = Buffer.alloc(32 * 1024 * 1024);
  expect(await ask("/", large)).toEqual({ status: 413, body: "no" });
  expect(await ask("/", large)).toEqual({ status: 413, body: "no" });
  expect(sockets).toHaveLength(2);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => early.close(resolve));
});

test("bodies of every size arrive whole", async () => {
  await start((socket, request) => {
    const body = request.slice(request.indexOf("\r\n\r\n") + 4);
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${String(body.length).length}\r\n\r\n${body.length}`);
  });
  for (const size of [0, 1, 1000, 65_535, 65_536, 65_537, 5_000_000])
    expect((await ask("/", Buffer.alloc(size, "x"))).body).toBe(String(size));
  expect((await ask("/", "é")).body).toBe("2");
});

test.each([
  ["no head", "HEADERS_TIMEOUT", { firstByte: 100 }, ""],
  ["half a head", "HEADERS_TIMEOUT", { firstByte: 100 }, "HTTP/1.1 200 OK\r\ncontent-"],
  ["half a body", "BODY_TIMEOUT", { idle: 100 }, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok"],
  ["half a body, for long", "TOTAL_TIMEOUT", { total: 100 }, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok"],
])("%s is given up with %s", async (_name, code, more, text) => {
  await start((socket) => void socket.write(text), more);
  expect((await ask()).error).toMatchObject({ code });
});

test("a cancelled call hears nothing more, and its connection is gone", async () => {
  const sockets: Socket[] = [];
  await start((socket) => {
    sockets.push(socket);
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok");
  });
  const heard: string[] = [];
  await new Promise<void>((resolve) => {
    const call = client.send(
      { method: "POST", path: "/", headers: {} },
      {
        head: () => heard.push("head"),
        data() {
          heard.push("data");
          call.cancel();
          sockets[0]!.once("close", resolve);
        },
        end: () => heard.push("end"),
        error: () => heard.push("error"),
      },
    );
  });
  expect(heard).toEqual(["head", "data"]);
});

test("a paused call does not time out, and goes on where it stopped", async () => {
  let socket: Socket | undefined;
  await start(
    (given) => {
      socket = given;
      given.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab");
    },
    { idle: 50 },
  );
  const whole = await new Promise<string>((resolve, reject) => {
    let text = "";
    const call = client.send(
      { method: "GET", path: "/", headers: {} },
      {
        head: () => {},
        data(chunk) {
          text += chunk.toString();
          if (text !== "ab") return;
          call.pause();
          // Ten times the idle time, counted by the same clock.
          setTimeout(() => {
            call.resume();
            socket!.write("cd");
          }, 500);
        },
        end: () => resolve(text),
        error: reject,
      },
    );
  });
  expect(whole).toBe("abcd");
});

test.each([
  ["a name", { "x\r\ny": "1" }],
  ["a value", { x: "1\r\ny: 2" }],
])("%s that would break out of its line is refused", async (_name, headers) => {
  await start((socket) => void socket.write(good));
  const nothing = { head: () => {}, data: () => {}, end: () => {}, error: () => {} };
  expect(() =>
    client.send({ method: "GET", path: "/", headers: headers as Record<string, string> }, nothing),
  ).toThrow();
  expect(server.connections()).toBe(0);
});

test("nobody at home", async () => {
  await start(() => {});
  await server.close();
  expect((await ask()).error).toMatchObject({ code: "ECONNREFUSED" });
});
