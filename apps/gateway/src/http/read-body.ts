import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import { GatewayError } from "@trunkline/contracts";
import { borrow, release } from "./buffer-pool.ts";

type Inflate = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const decoders: Readonly<Record<string, Inflate>> = {
  gzip: promisify(gunzip) as Inflate,
  deflate: promisify(inflate) as Inflate,
  br: promisify(brotliDecompress) as Inflate,
  zstd: promisify(zstdDecompress) as Inflate,
};

function tooLarge(limit: number): GatewayError {
  return new GatewayError(
    "body_too_large",
    `The request body is larger than ${Math.round(limit / 1048576)} MiB. Send less, or raise \`server.body_limit_mb\`.`,
  );
}

/**
 * The whole body, at most `limit` bytes, also after decompression. Large ones lie in a borrowed buffer, handed back when the response is
 * closed: nothing may keep the bytes longer. Throws `body_too_large`, or `client_closed` when it never came whole.
 */
export function readBody(message: IncomingMessage, response: ServerResponse, limit: number): Promise<Buffer> {
  const length = Number(message.headers["content-length"] ?? 0);
  if (length > limit) return Promise.reject(tooLarge(limit));
  const encoding = message.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity")
    return readBytes(message, limit).then((body) => decompress(body, encoding, limit));
  const room = borrow(length);
  if (!room) return readBytes(message, limit);
  // The exchange hears of the same event and cancels its call upstream: the buffer is free a moment later.
  response.once("close", () => setImmediate(release, room));
  return readInto(message, room);
}

function readInto(message: IncomingMessage, room: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let size = 0;
    message.on("data", (chunk: Buffer) => {
      chunk.copy(room, size);
      size += chunk.length;
    });
    message.on("end", () => resolve(room.subarray(0, size)));
    message.on("error", () => reject(incomplete()));
  });
}

function readBytes(message: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    message.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        message.removeAllListeners("data");
        reject(tooLarge(limit));
      } else chunks.push(chunk);
    });
    message.on("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    message.on("error", () => reject(incomplete()));
  });
}

function incomplete(): GatewayError {
  return new GatewayError("client_closed", "The client went away while sending its request.");
}

async function decompress(body: Buffer, encoding: string, limit: number): Promise<Buffer> {
  const decoder = decoders[encoding.toLowerCase()];
  if (!decoder)
    throw new GatewayError(
      "invalid_request",
      `The content-encoding '${encoding}' is not understood. Use gzip, deflate, br, zstd or none.`,
    );
  try {
    return await decoder(body, { maxOutputLength: limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limit);
    throw new GatewayError("invalid_request", `The request body is not valid ${encoding}.`, { cause: error });
  }
}
