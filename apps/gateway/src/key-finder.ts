import { createHash, timingSafeEqual } from "node:crypto";
import { noLimits, type Key } from "@trunkline/contracts";
import type { KeyFinder } from "@trunkline/policies";
import type { KeyTable } from "@trunkline/store";
import { z } from "zod";

const clientsSchema = z.array(
  z.strictObject({
    name: z.string().min(1),
    key: z.string().min(16, "a key needs at least 16 characters"),
    models: z.array(z.string()).default([]),
    rpm: z.number().int().positive().nullable().default(null),
    expires: z.iso.datetime({ offset: true }).optional(),
  }),
);

type Client = { readonly key: Key; readonly digest: Buffer };

function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** The clients of `TRUNKLINE_CLIENTS`. Throws with a line per mistake. */
export function parseClients(text: string | undefined): Client[] {
  if (!text) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`TRUNKLINE_CLIENTS is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const result = clientsSchema.safeParse(value);
  if (!result.success) {
    throw new Error(
      `TRUNKLINE_CLIENTS: ${result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ")}`,
    );
  }
  return result.data.map((client) => ({
    digest: digestOf(client.key),
    key: {
      id: `env:${client.name}`,
      name: client.name,
      prefix: client.key.slice(0, 6),
      active: true,
      createdAt: 0,
      expiresAt: client.expires === undefined ? null : Date.parse(client.expires),
      models: client.models,
      rpm: client.rpm,
      notes: "from TRUNKLINE_CLIENTS",
      user: null,
      group: null,
      limits: noLimits,
    },
  }));
}

/** Keys of the database; those of the environment only while it has none. */
export function createKeyFinder(
  keys: KeyTable,
  clients: readonly Client[],
): KeyFinder & {
  /** The same by its id, for work in the background. */
  byId(id: string): Promise<Key | undefined>;
} {
  return {
    async byId(id) {
      const environmentKey = clients.find(({ key }) => key.id === id)?.key;
      if (environmentKey) return (await keys.count()) > 0 ? undefined : environmentKey;
      const found = await keys.get(id);
      return found?.id === id ? found : undefined;
    },
    async find(secret) {
      const found = await keys.find(secret);
      if (found || clients.length === 0) return found;
      if ((await keys.count()) > 0) return undefined;
      const digest = digestOf(secret);
      return clients.find((client) => timingSafeEqual(client.digest, digest))?.key;
    },
  };
}
