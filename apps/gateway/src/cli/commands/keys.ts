import { createKey, rotateKey } from "@trunkline/admin";
import type { Key } from "@trunkline/contracts";
import { budgetText } from "@trunkline/policies";
import type { Store } from "@trunkline/store";
import { isoTime } from "../../iso-time.ts";
import { audited } from "../audited.ts";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";
import { parseCount, parseLimits, parseName, type LimitOptions } from "../key-limits.ts";
import { spanMs } from "../span.ts";

export type UpdateOptions = LimitOptions & {
  readonly name?: string;
  readonly models?: string[];
  readonly expires?: string;
  readonly notes?: string;
};
export type CreateOptions = UpdateOptions & { readonly name: string };

function shown(key: Key): object {
  return { ...key, createdAt: isoTime(key.createdAt), expiresAt: isoTime(key.expiresAt) };
}

function limitsText({ rpm, limits, user, group }: Key): string {
  const { tpm, inputTpm, outputTpm, concurrent, budgets } = limits;
  const counts = { rpm, tpm, "input tpm": inputTpm, "output tpm": outputTpm, "at once": concurrent };
  const all = [
    ...(user === null ? [] : [`user ${user}`]),
    ...(group === null ? [] : [`group ${group}`]),
    ...Object.entries(counts).flatMap(([name, count]) => (count === null ? [] : [`${count} ${name}`])),
    ...budgets.map(budgetText),
  ];
  return all.join(", ") || "-";
}

/** The key with this id or name. Throws CommandError. */
export async function keyNamed({ keys }: Pick<Store, "keys">, idOrName: string): Promise<Key> {
  const key = await keys.get(idOrName);
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

function parseKeyName(text: string): string {
  const name = text.trim();
  if (name === "" || name.length > 100) throw new CommandError("--name takes 1 to 100 characters.", exitCodes.usage);
  return name;
}

/** What a command line says of a key besides its limits; absent members leave what there is. */
function membersOf(options: UpdateOptions) {
  const rpm = parseCount("rpm", options.rpm);
  const user = parseName("user", options.user);
  const group = parseName("group", options.group);
  return {
    ...(options.name === undefined ? {} : { name: parseKeyName(options.name) }),
    ...(options.models === undefined ? {} : { models: options.models.filter((glob) => glob !== "all") }),
    ...(rpm === undefined ? {} : { rpm }),
    ...(options.expires === undefined ? {} : { expiresAt: parseExpiry(options.expires) }),
    ...(options.notes === undefined ? {} : { notes: options.notes }),
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
  };
}

export async function createKeyCommand(context: CommandContext, options: CreateOptions): Promise<number> {
  const input = { ...membersOf(options), name: parseKeyName(options.name), limits: parseLimits(options) };
  const { key, secret } = await withStore(context, (store) =>
    audited(store, "key.create", "", async ({ keys }) => {
      const made = await createKey(keys, input, Date.now());
      return { result: made, target: made.key.id, after: shown(made.key) };
    }),
  );
  context.print(
    { id: key.id, name: key.name, key: secret },
    () =>
      `${secret}\n\nKey '${key.name}' (${key.id}). It is shown this once and works from now on, also at a running gateway.`,
  );
  return exitCodes.ok;
}

export async function updateKeyCommand(
  context: CommandContext,
  idOrName: string,
  options: UpdateOptions,
): Promise<number> {
  const key = await withStore(context, (store) =>
    audited(store, "key.change", idOrName, async (tables) => {
      const before = await keyNamed(tables, idOrName);
      const change = { ...membersOf(options), limits: parseLimits(options, before.limits) };
      await tables.keys.update(before.id, change);
      const after = { ...before, ...change };
      return { result: after, target: before.id, before: shown(before), after: shown(after) };
    }),
  );
  context.print(
    shown(key),
    () => `Key '${key.name}' (${key.id}) is changed; a running gateway heeds it within a second.`,
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
    limitsText(key),
    key.models.join(" ") || "all",
  ]);
  context.print(keys.map(shown), () =>
    keys.length === 0
      ? "There are no keys yet. Make one with `npx trunkline keys create --name me`."
      : table(["NAME", "ID", "KEY", "STATE", "CREATED", "EXPIRES", "LIMITS", "MODELS"], rows),
  );
  return exitCodes.ok;
}

export async function rotateKeyCommand(
  context: CommandContext,
  idOrName: string,
  { grace }: { readonly grace?: string },
): Promise<number> {
  const graceMs = grace === undefined ? 0 : spanMs(grace);
  if (graceMs === undefined)
    throw new CommandError(`--grace takes a span such as 24h or 7d, not '${grace}'.`, exitCodes.usage);
  const until = Date.now() + graceMs;
  const { key, secret } = await withStore(context, (store) =>
    audited(store, "key.rotate", idOrName, async (tables) => {
      const before = await keyNamed(tables, idOrName);
      const rotated = await rotateKey(tables.keys, before, until);
      return { result: rotated, target: before.id, before: shown(before), after: shown(rotated.key) };
    }),
  );
  const fate = graceMs === 0 ? "stops working within a second" : `works until ${isoTime(until)}`;
  context.print(
    { id: key.id, name: key.name, key: secret, old_until: graceMs === 0 ? null : isoTime(until) },
    () => `${secret}\n\nKey '${key.name}' has this new secret; the old one ${fate}.`,
  );
  return exitCodes.ok;
}

export async function revokeKey(context: CommandContext, idOrName: string): Promise<number> {
  const key = await withStore(context, (store) =>
    audited(store, "key.revoke", idOrName, async (tables) => {
      const found = await keyNamed(tables, idOrName);
      await tables.keys.update(found.id, { active: false });
      return { result: found, target: found.id, before: { active: found.active }, after: { active: false } };
    }),
  );
  context.print(
    { id: key.id, name: key.name, active: false },
    () => `Key '${key.name}' (${key.id}) is revoked; a running gateway refuses it within a second.`,
  );
  return exitCodes.ok;
}
