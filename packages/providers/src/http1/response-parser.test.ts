import fc from "fast-check";
import { expect, test } from "vitest";
import { createResponseParser, MalformedResponse } from "./response-parser.ts";

/** Feeds bytes in pieces and tells what came out, or what was wrong. */
function read(text: string, cuts: readonly number[] = [], closes = false) {
  const heard = { status: 0, headers: {} as Record<string, string>, body: "", ended: undefined as boolean | undefined };
  const parser = createResponseParser({
    head(status, headers) {
      heard.status = status;
      heard.headers = { ...headers };
    },
    data: (chunk) => (heard.body += chunk.toString("latin1")),
    end: (reusable) => (heard.ended = reusable),
  });
  const bytes = Buffer.from(text, "latin1");
  let from = 0;
  for (const cut of [...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length]) {
    // A copy, because chunks are moved together in the buffer they come in.
    if (cut > from) parser.push(Buffer.from(bytes.subarray(from, cut)));
    from = Math.max(from, cut);
  }
  if (closes) parser.close();
  return heard;
}

const sized = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
const chunked =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n6;ext=1\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n";
const informed = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${sized}`;

test.each([
  ["a length", sized, { body: "hello", ended: true }],
  ["chunks", chunked, { body: "Wikipedia in \r\n\r\nchunks.", ended: true }],
  ["interim answers", informed, { status: 200, body: "hello", ended: true }],
  ["no body", "HTTP/1.1 204 No Content\r\n\r\n", { status: 204, body: "", ended: true }],
  ["an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", { body: "", ended: true }],
  [
    "a server that closes",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    { body: "x", ended: false },
  ],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", { body: "x", ended: false }],
  ["more than was announced", `${sized}HTTP/1.1 200 OK\r\n`, { body: "hello", ended: false }],
  ["more behind the last chunk", `${chunked}x`, { ended: false }],
  [
    "one length twice",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    { body: "x", ended: true },
  ],
])("%s, however it is cut", (_name, text, wanted) => {
  expect(read(text)).toMatchObject(wanted);
  for (let cut = 1; cut < text.length; cut++) {
    const { ended: _whole, ...rest } = wanted as { ended: boolean };
    // Bytes behind the end that come later never reach the parser: its connection is free by then, and is closed for them.
    expect(read(text, [cut])).toMatchObject(rest);
  }
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      expect(read(text, cuts).body).toBe(read(text).body);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("an answer without a length lasts until the server closes", () => {
  const text = "HTTP/1.1 200 OK\r\n\r\nall of this";
  expect(read(text)).toMatchObject({ body: "all of this", ended: undefined });
  expect(read(text, [], true)).toMatchObject({ body: "all of this", ended: false });
});

test.each([
  ["two framings", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"],
  ["a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello"],
  ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"],
  ["a length beyond numbers", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello"],
  ["an unknown encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ["bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello\r\n\r\n"],
  ["a folded header", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"],
  ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"],
  ["a NUL in a header", "HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n"],
  ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200\r\n\r\n"],
  ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"],
  ["a size that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"],
  ["a size with a prefix", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n"],
  ["a size beyond numbers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n"],
  ["a size that ends in a line feed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n"],
  ["a chunk longer than it said", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n"],
  ["an endless head", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(20_000)}`],
  ["an endless line", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${"x".repeat(1000)}`],
  ["endless trailers", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${"a: b\r\n".repeat(20_000)}`],
])("%s is refused, whole and byte by byte", (_name, text) => {
  expect(() => read(text)).toThrow(MalformedResponse);
  const every = Array.from({ length: Math.min(text.length, 400) }, (_, index) => index);
  expect(() => read(text, every)).toThrow(MalformedResponse);
});

test("garbage is refused or waited for, never anything else", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), fc.array(fc.nat(200)), (junk, cuts) => {
      for (const text of [
        junk,
        `HTTP/1.1 200 OK\r\n${junk}`,
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${junk}`,
      ]) {
        try {
          read(text, cuts, true);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedResponse);
        }
      }
    }),
    { seed: 2, numRuns: 2000 },
  );
});
