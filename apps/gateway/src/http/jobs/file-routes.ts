import { PassThrough, Readable } from "node:stream";
import { Busboy, type BusboyHeaders } from "@fastify/busboy";
import { GatewayError, newId, type StoredFile } from "@trunkline/contracts";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { shownFile } from "../../jobs/shown.ts";
import type { JobsGateway } from "./job-routes.ts";
import { readLimit, shownPage } from "./read-input.ts";

const purposes = ["batch", "user_data", "assistants", "fine-tune", "vision", "evals"];
/** Bytes of one piece of a file in the database. */
const pieceBytes = 256 * 1024;

/** A stream's bytes in pieces of one size. */
async function* pieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    waiting.push(chunk);
    size += chunk.length;
    if (size < pieceBytes) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting);
}

export function addFileRoutes(app: FastifyInstance, { gateway, keyOf }: JobsGateway): void {
  const { files } = gateway.store;

  /** The form's file on its way into the store, and its other fields; files may come before the fields that tell about them. */
  async function receive(request: FastifyRequest, keyId: string): Promise<StoredFile> {
    const form = request.body as NodeJS.ReadableStream | undefined;
    if (!form || !/^multipart\/form-data/i.test(request.headers["content-type"] ?? ""))
      throw new GatewayError(
        "invalid_request",
        "Send the file as multipart/form-data, with the fields 'purpose' and 'file'.",
      );
    const limit = Math.floor(gateway.current.config.jobs.file_limit_mb * 1024 * 1024);
    const parser = new Busboy({
      headers: request.headers as BusboyHeaders,
      limits: { files: 1, fields: 20, fieldSize: 10_000, fileSize: limit },
    });
    const fields: Record<string, string> = {};
    const now = Date.now();
    let writing: Promise<StoredFile> | undefined;
    let isTooLarge = false;
    const parsed = new Promise<void>((resolve, reject) => {
      parser.on("field", (name, value) => (fields[name] = value));
      parser.on("file", (name, stream, filename) => {
        if (name !== "file" || writing) return void stream.resume();
        stream.on("limit", () => (isTooLarge = true));
        const file = {
          id: newId("file-"),
          keyId,
          filename: filename.slice(0, 255),
          purpose: "",
          createdAt: now,
          expiresAt: null,
        };
        const bytes = new PassThrough();
        stream.on("error", (error: Error) => bytes.destroy(error)).pipe(bytes);
        writing = files.write(file, pieces(bytes));
        writing.catch(reject);
      });
      parser.on("finish", resolve);
      parser.on("error", reject);
      form.on("error", reject).on("aborted", () => reject(new Error("the client went away")));
      form.pipe(parser);
    }).catch((error: unknown) => {
      throw new GatewayError("invalid_request", `The form cannot be read: ${(error as Error).message}.`);
    });
    try {
      await parsed;
      if (!writing)
        throw new GatewayError("invalid_request", "The form holds no field 'file' with a file in it.", {
          parameter: "file",
        });
      const file = await writing;
      const { purpose } = fields;
      if (isTooLarge)
        throw new GatewayError(
          "body_too_large",
          `The file is larger than ${gateway.current.config.jobs.file_limit_mb} MiB. Split it, or raise \`jobs.file_limit_mb\`.`,
        );
      if (purpose === undefined || !purposes.includes(purpose))
        throw new GatewayError("invalid_request", `'purpose' must be one of ${purposes.join(", ")}.`, {
          parameter: "purpose",
        });
      const expiresAfter = Number(fields["expires_after[seconds]"] ?? Number.NaN);
      const expiresAt = Number.isFinite(expiresAfter) && expiresAfter > 0 ? now + expiresAfter * 1000 : null;
      await files.describe(file.id, { purpose, expiresAt });
      return { ...file, purpose, expiresAt };
    } catch (error) {
      const written = await writing?.catch(() => undefined);
      if (written) await files.remove(written.id);
      throw error;
    }
  }

  async function find(request: FastifyRequest, id: string): Promise<StoredFile> {
    const key = await keyOf(request);
    const file = await files.find(id, key.id);
    if (!file) throw new GatewayError("not_found", `There is no file '${id.slice(0, 100)}'.`);
    return file;
  }

  app.post("/v1/files", async (request) => {
    const key = await keyOf(request);
    return shownFile(await receive(request, key.id));
  });

  app.get<{ Querystring: { limit?: string; after?: string; purpose?: string; order?: string } }>(
    "/v1/files",
    async (request) => {
      const key = await keyOf(request);
      const { limit: wanted, after, purpose, order } = request.query;
      const limit = readLimit(wanted, 10_000, 10_000);
      const found = await files.list(key.id, {
        limit: limit + 1,
        order: order === "asc" ? "asc" : "desc",
        ...(after === undefined ? {} : { after }),
        ...(purpose === undefined ? {} : { purpose }),
      });
      return shownPage(found, limit, shownFile);
    },
  );

  app.get<{ Params: { id: string } }>("/v1/files/:id", async (request) =>
    shownFile(await find(request, request.params.id)),
  );

  app.get<{ Params: { id: string } }>("/v1/files/:id/content", async (request, reply) => {
    const file = await find(request, request.params.id);
    const body = Readable.from(files.read(file.id), { objectMode: false });
    return reply.headers({ "content-type": "application/octet-stream", "content-length": file.bytes }).send(body);
  });

  app.delete<{ Params: { id: string } }>("/v1/files/:id", async (request) => {
    const { id } = await find(request, request.params.id);
    await files.remove(id);
    return { id, object: "file", deleted: true };
  });
}
