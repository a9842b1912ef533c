import { pageOf, pageQuery, sessionView } from "@trunkline/admin/api";
import { GatewayError } from "@trunkline/contracts";
import { isOlder } from "@trunkline/store";
import { z } from "zod";
import { isoTime } from "../../iso-time.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { pageOfFound, timeCursor } from "../page.ts";
import { keysById } from "../shown-exchange.ts";

const tag = "Sessions";
const time = (at: number) => isoTime(Number(at))!;

export const sessionEndpoints = [
  endpoint({
    method: "GET",
    path: "/sessions",
    tag,
    summary: "Conversations bound to a vendor's program, used last first",
    scope: "sessions:read",
    query: pageQuery,
    answer: pageOf(sessionView),
    async run({ gateway, query }) {
      const after = timeCursor(query.cursor);
      let select = gateway.store.reader
        .selectFrom("sessions")
        .select(["id", "key_id", "provider", "account", "turns", "created_at", "used_at", "locked_until"]);
      if (after) select = select.where(isOlder("used_at", after));
      const [found, keys] = await Promise.all([
        select
          .orderBy("used_at", "desc")
          .orderBy("id", "desc")
          .limit(query.limit + 1)
          .execute(),
        keysById(gateway),
      ]);
      return pageOfFound(
        found,
        query.limit,
        (row) => `${Number(row.used_at)} ${row.id}`,
        (row) => ({
          id: row.id,
          key_id: row.key_id,
          key_name: keys.get(row.key_id)?.name ?? "",
          provider: row.provider,
          account: row.account,
          turns: Number(row.turns),
          created: time(row.created_at),
          used: time(row.used_at),
          running: Number(row.locked_until) > Date.now(),
        }),
      );
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/sessions/{id}",
    tag,
    summary: "Forget a conversation; its next turn begins a new one or is refused",
    scope: "sessions:write",
    params: z.object({ id: z.string().max(128) }),
    status: 204,
    async run({ gateway, params, audited }) {
      const row = await gateway.store.database
        .selectFrom("sessions")
        .select(["id", "locked_until"])
        .where("id", "=", params.id)
        .executeTakeFirst();
      if (!row) throw notFound("such session");
      if (Number(row.locked_until) > Date.now())
        throw new GatewayError("conflict", "A turn of it is running. Wait until it has ended.");
      await audited("session.forget", params.id, async () => ({ result: undefined }));
      await gateway.store.sessions.remove(params.id);
    },
  }),
];
