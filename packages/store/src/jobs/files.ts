import type { StoredFile } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { FileRow, Tables } from "../schema.ts";
import type { SecretBox } from "../secret-box.ts";
import { whenFree } from "../when-free.ts";

export type FileTable = ReturnType<typeof createFileTable>;

const fileOf = (row: FileRow): StoredFile => ({
  id: row.id,
  keyId: row.key_id,
  filename: row.filename,
  purpose: row.purpose,
  bytes: Number(row.bytes),
  createdAt: Number(row.created_at),
  expiresAt: row.expires_at === null ? null : Number(row.expires_at),
});

const chunkId = (fileId: string, number: number) => `${fileId}/${String(number).padStart(8, "0")}`;

/** Files, in encrypted pieces. A file is there once its row is. */
export function createFileTable(database: Kysely<Tables>, box: SecretBox) {
  async function removeChunks(id: string): Promise<void> {
    const remove = database.deleteFrom("file_chunks").where("file_id", "=", id);
    await whenFree(() => remove.execute());
  }

  return {
    /** Writes the pieces and then the row; the file has not been there before. Nothing stays of one that is broken off. */
    async write(file: Omit<StoredFile, "bytes">, pieces: AsyncIterable<Uint8Array>): Promise<StoredFile> {
      let bytes = 0;
      let number = 0;
      try {
        for await (const piece of pieces) {
          const id = chunkId(file.id, number++);
          bytes += piece.length;
          const content = box.seal(Buffer.from(piece).toString("base64"), `chunk ${id}`);
          const insert = database.insertInto("file_chunks").values({ id, file_id: file.id, content });
          await whenFree(() => insert.execute());
        }
      } catch (error) {
        await removeChunks(file.id);
        throw error;
      }
      const insert = database.insertInto("files").values({
        id: file.id,
        key_id: file.keyId,
        filename: file.filename,
        purpose: file.purpose,
        bytes,
        created_at: file.createdAt,
        expires_at: file.expiresAt,
      });
      await whenFree(() => insert.execute());
      return { ...file, bytes };
    },
    async describe(id: string, { purpose, expiresAt }: Pick<StoredFile, "purpose" | "expiresAt">): Promise<void> {
      const update = database.updateTable("files").set({ purpose, expires_at: expiresAt }).where("id", "=", id);
      await whenFree(() => update.execute());
    },
    async find(id: string, keyId: string): Promise<StoredFile | undefined> {
      const row = await database
        .selectFrom("files")
        .selectAll()
        .where("id", "=", id)
        .where("key_id", "=", keyId)
        .executeTakeFirst();
      return row && fileOf(row);
    },
    async list(
      keyId: string,
      options: { purpose?: string; after?: string; limit: number; order: "asc" | "desc" },
    ): Promise<StoredFile[]> {
      const { purpose, after, limit, order } = options;
      let query = database.selectFrom("files").selectAll().where("key_id", "=", keyId);
      if (purpose !== undefined) query = query.where("purpose", "=", purpose);
      if (after !== undefined) {
        const last = await database.selectFrom("files").select("created_at").where("id", "=", after).executeTakeFirst();
        const at = Number(last?.created_at ?? 0);
        const sign = order === "desc" ? "<" : ">";
        query = query.where((where) =>
          where.or([
            where("created_at", sign, at),
            where.and([where("created_at", "=", at), where("id", sign, after)]),
          ]),
        );
      }
      const rows = await query.orderBy("created_at", order).orderBy("id", order).limit(limit).execute();
      return rows.map(fileOf);
    },
    async *read(id: string): AsyncGenerator<Buffer> {
      for (let number = 0; ; number++) {
        const chunk = chunkId(id, number);
        const row = await database
          .selectFrom("file_chunks")
          .select("content")
          .where("id", "=", chunk)
          .executeTakeFirst();
        if (!row) return;
        yield Buffer.from(box.open(row.content, `chunk ${chunk}`), "base64");
      }
    },
    async remove(id: string): Promise<void> {
      const remove = database.deleteFrom("files").where("id", "=", id);
      await whenFree(() => remove.execute());
      await removeChunks(id);
    },
    /** Forgets files that have run out. */
    async prune(now: number): Promise<void> {
      const old = await database.selectFrom("files").select("id").where("expires_at", "<", now).limit(1000).execute();
      for (const { id } of old) await this.remove(id);
    },
  };
}
