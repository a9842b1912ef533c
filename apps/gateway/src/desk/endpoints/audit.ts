import { auditCheck, auditView, pageOf, pageQuery, time, type AuditView } from "@trunkline/admin/api";
import { parseJson, type AuditEntry } from "@trunkline/contracts";
import { z } from "zod";
import { isoTime } from "../../iso-time.ts";
import { endpoint } from "../endpoint.ts";
import { numberCursor, pageOfFound } from "../page.ts";

const tag = "Audit";

function shownEntry(entry: AuditEntry): AuditView {
  return {
    number: entry.number,
    time: isoTime(entry.at)!,
    actor: entry.actor,
    action: entry.action,
    target: entry.target,
    before: entry.before === null ? null : (parseJson(entry.before) ?? null),
    after: entry.after === null ? null : (parseJson(entry.after) ?? null),
    address: entry.address,
    request_id: entry.requestId,
    hash: entry.hash,
  };
}

export const auditEndpoints = [
  endpoint({
    method: "GET",
    path: "/audit",
    tag,
    summary: "Who did what, newest first",
    scope: "audit:read",
    query: z.strictObject({
      ...pageQuery.shape,
      actor: z.string().max(200).optional(),
      action: z.string().max(100).optional(),
      target: z.string().max(300).optional(),
      since: time.optional(),
      until: time.optional(),
    }),
    answer: pageOf(auditView),
    async run({ gateway, query }) {
      const { limit, cursor, since, until, ...filter } = query;
      const before = numberCursor(cursor);
      const found = await gateway.store.audit.list({
        ...(filter as Record<string, string>),
        ...(since === undefined ? {} : { since: Date.parse(since) }),
        ...(until === undefined ? {} : { until: Date.parse(until) }),
        ...(before === undefined ? {} : { before }),
        limit: limit + 1,
      });
      return pageOfFound(found, limit, ({ number }) => String(number), shownEntry);
    },
  }),
  endpoint({
    method: "GET",
    path: "/audit/verify",
    tag,
    summary: "Whether every entry is as it was written",
    scope: "audit:read",
    answer: auditCheck,
    async run({ gateway }) {
      const check = await gateway.store.audit.verify();
      return check.isWhole
        ? { whole: true, entries: check.entries, last_hash: check.lastHash, problem: null }
        : { whole: false, entries: null, last_hash: null, problem: check.problem };
    },
  }),
];
