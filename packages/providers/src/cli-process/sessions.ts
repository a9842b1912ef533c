import { randomUUID } from "node:crypto";
import { GatewayError, type AssistantPart, type Conversation, type SessionRecord } from "@trunkline/contracts";
import { instructionsOf, isInstruction, newestTurn } from "./conversation/last-turn.ts";

/** Where sessions are kept. One turn holds a session at a time, in whichever process. */
export type SessionStore = {
  create(session: SessionRecord, lockedUntil: number): Promise<void>;
  /** The session, now locked; `busy` when another turn holds it. */
  lock(id: string, keyId: string, now: number, until: number): Promise<SessionRecord | "busy" | undefined>;
  /** Keeps what a turn has changed, and lets go. */
  update(session: SessionRecord): Promise<void>;
  unlock(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Those of a provider not used since, or begun before. */
  expired(provider: string, usedBefore: number, createdBefore: number): Promise<readonly SessionRecord[]>;
};

export type SessionTurn = {
  readonly record: SessionRecord;
  readonly created: boolean;
  /** The turn's conversation, with the session's instructions where it came without. */
  readonly conversation: Conversation;
  /** Keeps what the turn has made of the session. */
  save(account: string, resumeId: string | null, answer: readonly AssistantPart[]): Promise<void>;
  /** Lets go without a change: the turn failed. */
  release(): Promise<void>;
};

export type SessionsOptions = {
  readonly provider: string;
  readonly store: SessionStore;
  /** Milliseconds a session may lie unused, and live at all. */
  readonly ttlMs: number;
  readonly maxAgeMs: number;
  /** Milliseconds after which a turn cannot still be running. */
  readonly lockMs: number;
  readonly now: () => number;
};

const validId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export function createSessions(options: SessionsOptions) {
  const { store, now, provider } = options;

  function notFound(id: string): GatewayError {
    return new GatewayError(
      "session_not_found",
      `There is no session '${id}'. It may have ended (sessions last ${Math.round(options.ttlMs / 60_000)} minutes unused), or belong to another key. Begin a new one.`,
      { parameter: "x-trunkline-session" },
    );
  }

  async function begin(wish: string, keyId: string): Promise<{ record: SessionRecord; created: boolean }> {
    const at = now();
    if (wish === "new") {
      const record: SessionRecord = {
        id: randomUUID(),
        keyId,
        provider,
        account: "",
        resumeId: null,
        system: "",
        history: null,
        turns: 0,
        createdAt: at,
        usedAt: at,
      };
      await store.create(record, at + options.lockMs);
      return { record, created: true };
    }
    if (!validId.test(wish))
      throw new GatewayError(
        "invalid_header_value",
        "A session's id is letters, digits, '.', '_' and '-', at most 128.",
        {
          parameter: "x-trunkline-session",
        },
      );
    const record = await store.lock(wish, keyId, at, at + options.lockMs);
    if (record === "busy")
      throw new GatewayError("session_busy", `The session '${wish}' is still answering its last turn.`, {
        retryAfterMs: 1000,
      });
    if (!record) throw notFound(wish);
    const problem =
      record.usedAt < at - options.ttlMs || record.createdAt < at - options.maxAgeMs || record.turns === 0
        ? notFound(wish)
        : record.provider === provider
          ? undefined
          : new GatewayError(
              "invalid_request",
              `The session '${wish}' belongs to the provider '${record.provider}': ask for one of its models.`,
              { parameter: "model" },
            );
    if (problem) {
      await store.unlock(wish);
      throw problem;
    }
    return { record, created: false };
  }

  return {
    async turn(wish: string, keyId: string, given: Conversation): Promise<SessionTurn> {
      const { record, created } = await begin(wish, keyId);
      const own = instructionsOf(given);
      const system = own === "" ? record.system : own;
      const messages = given.messages.filter((message) => !isInstruction(message));
      const before = record.history ?? [];
      const fresh = created ? messages : messages.slice(newestTurn(messages));
      const conversation: Conversation = {
        ...given,
        messages: [
          ...(system === "" ? [] : [{ role: "system" as const, content: [{ type: "text" as const, text: system }] }]),
          ...before,
          ...fresh,
        ],
      };
      let over = false;
      return {
        record,
        created,
        conversation,
        async save(account, resumeId, answer) {
          over = true;
          const history =
            resumeId === null ? [...before, ...fresh, { role: "assistant" as const, content: answer }] : null;
          await store.update({ ...record, account, resumeId, system, history, turns: record.turns + 1, usedAt: now() });
        },
        async release() {
          if (over) return;
          over = true;
          // A session that never had a turn was never told to anyone.
          await (created ? store.remove(record.id) : store.unlock(record.id));
        },
      };
    },
    /** Sessions past their time; the caller lets their programs forget them and removes them. */
    expired: () => store.expired(provider, now() - options.ttlMs, now() - options.maxAgeMs),
    remove: (id: string) => store.remove(id),
  };
}
