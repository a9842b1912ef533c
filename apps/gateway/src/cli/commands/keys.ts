import { createKey, rotateKey } from "@trunkline/admin";
import type { Key } from "@trunkline/contracts";
import type { Store } from "@trunkline/store";
import { isoTime } from "../../iso-time.ts";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";
import { spanMs } from "../span.ts";

export type CreateOptions = {
  readonly name: string;
  readonly models?: string[];
  readonly rpm?: string;
  readonly expires?: string;
  readonly notes?: string;
};

function shown(key: Key): object {
  return { ...key, createdAt: isoTime(key.createdAt), expiresAt: isoTime(key.expiresAt) };
}

/** The key with this id or name. Throws CommandError. */
export async function keyNamed(store: Store, idOrName: string): Promise<Key> {
  const key = await store.keys.get(idOrName);
  if (!key)
    throw new CommandError(
      `There is no single key with the id or name '${idOrName}'. List them with \`npx trunkline keys list\`.`,
    );
  return key;
}

/** A date, or a time from now such as 30d. */
function parseExpiry(text: string): number {
  const span = spanMs(text);
  const at = span === undefined ? Date.parse(text) : Date.now() + span;
  if (!Number.isFinite(at))
    throw new CommandError(
      `--expires takes a date such as 2027-01-31 or a span such as 30d, 12h or 45m, not '${text}'.`,
      exitCodes.usage,
    );
  if (at <= Date.now()) throw new CommandError("--expires lies in the past.", exitCodes.usage);
  return at;
}

function parseRpm(text: string): number {
  const rpm = Number(text);
  if (!Number.isInteger(rpm) || rpm < 1)
    throw new CommandError(`--rpm takes a whole number from 1 on, not '${text}'.`, exitCodes.usage);
  return rpm;
}

export async function createKeyCommand(context: CommandContext, options: CreateOptions): Promise<number> {
  const name = options.name.trim();
  if (name === "" || name.length > 100) throw new CommandError("--name takes 1 to 100 characters.", exitCodes.usage);
  const input = {
    name,
    ...(options.models === undefined ? {} : { models: options.models }),
    ...(options.rpm === undefined ? {} : { rpm: parseRpm(options.rpm) }),
    ...(options.expires === undefined ? {} : { expiresAt: parseExpiry(options.expires) }),
    ...(options.notes === undefined ? {} : { notes: options.notes }),
  };
  const { key, secret } = await withStore(context, (store) => createKey(store.keys, input, Date.now()));
  context.print(
    { id: key.id, name: key.name, key: secret },
    () =>
      `${secret}\n\nKey '${key.name}' (${key.id}). It is shown this once and works from now on, also at a running gateway.`,
  );
  return exitCodes.ok;
}

export async function listKeys(context: CommandContext): Promise<number> {
  const keys = await withStore(context, (store) => store.keys.list());
  const state = (key: Key) =>
    !key.active ? "revoked" : key.expiresAt !== null && key.expiresAt <= Date.now() ? "expired" : "active";
  const day = (at: number | null) => (at === null ? "never" : new Date(at).toISOString().slice(0, 10));
  const rows = keys.map((key) => [
    key.name,
    key.id,
    `${key.prefix}…`,
    state(key),
    day(key.createdAt),
    day(key.expiresAt),
    key.rpm === null ? "-" : String(key.rpm),
    key.models.join(" ") || "all",
  ]);
  context.print(keys.map(shown), () =>
    keys.length === 0
      ? "There are no keys yet. Make one with `npx trunkline keys create --name me`."
      : table(["NAME", "ID", "KEY", "STATE", "CREATED", "EXPIRES", "RPM", "MODELS"], rows),
  );
  return exitCodes.ok;
}

export async function rotateKeyCommand(context: CommandContext, idOrName: string): Promise<number> {
  const { key, secret } = await withStore(context, async (store) =>
    rotateKey(store.keys, await keyNamed(store, idOrName)),
  );
  context.print(
    { id: key.id, name: key.name, key: secret },
    () => `${secret}\n\nKey '${key.name}' has this new secret; the old one stops working within a second.`,
  );
  return exitCodes.ok;
}

export async function revokeKey(context: CommandContext, idOrName: string): Promise<number> {
  const key = await withStore(context, async (store) => {
    const found = await keyNamed(store, idOrName);
    await store.keys.update(found.id, { active: false });
    return found;
  });
  context.print(
    { id: key.id, name: key.name, active: false },
    () => `Key '${key.name}' (${key.id}) is revoked; a running gateway refuses it within a second.`,
  );
  return exitCodes.ok;
}
