import { newSecret } from "@trunkline/admin";
import {
  keyChange,
  keyView,
  limitView,
  madeKey,
  newKey,
  pageOf,
  pageQuery,
  rotation,
  type KeyChangeInput,
  type KeyView,
} from "@trunkline/admin/api";
import { newId, noLimits, type Budget, type Key } from "@trunkline/contracts";
import type { KeyChange } from "@trunkline/store";
import { z } from "zod";
import { requestsADay } from "../../config/limits-schema.ts";
import { isoTime } from "../../iso-time.ts";
import { amountOf } from "../../limits/amounts.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { pageOfAll } from "../page.ts";

const tag = "Keys";
const byId = z.object({ id: z.string() });

function stateOf({ active, expiresAt }: Key, now: number): KeyView["state"] {
  if (!active) return "revoked";
  return expiresAt !== null && expiresAt <= now ? "expired" : "active";
}

export function shownKey(key: Key, now: number = Date.now()): KeyView {
  const { limits } = key;
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    state: stateOf(key, now),
    created: isoTime(key.createdAt)!,
    user: key.user,
    group: key.group,
    notes: key.notes,
    expires: isoTime(key.expiresAt),
    models: [...key.models],
    rpm: key.rpm,
    rpd: limits.budgets.find(({ unit, per }) => unit === "requests" && per === "day")?.amount ?? null,
    tpm: limits.tpm,
    input_tpm: limits.inputTpm,
    output_tpm: limits.outputTpm,
    concurrent: limits.concurrent,
    budgets: limits.budgets
      .filter(({ unit }) => unit === "usd")
      .map(({ amount, softAmount, per, isRolling, zone }) => ({
        usd: amount / 1e9,
        per,
        soft_usd: softAmount === null ? null : softAmount / 1e9,
        rolling: isRolling,
        zone,
      })),
  };
}

function limitsOf(change: KeyChangeInput, before: Key["limits"]): Key["limits"] {
  const money =
    change.budgets?.map(({ usd, soft_usd: soft, per, rolling, zone }): Budget => ({
      unit: "usd",
      amount: amountOf(usd),
      softAmount: soft === null ? null : amountOf(soft),
      per,
      isRolling: rolling,
      zone,
    })) ?? before.budgets.filter(({ unit }) => unit === "usd");
  const requests =
    change.rpd === undefined
      ? before.budgets.filter(({ unit }) => unit === "requests")
      : change.rpd === null
        ? []
        : [requestsADay(change.rpd)];
  return {
    tpm: change.tpm === undefined ? before.tpm : change.tpm,
    inputTpm: change.input_tpm === undefined ? before.inputTpm : change.input_tpm,
    outputTpm: change.output_tpm === undefined ? before.outputTpm : change.output_tpm,
    concurrent: change.concurrent === undefined ? before.concurrent : change.concurrent,
    budgets: [...requests, ...money],
  };
}

function changeOf(change: KeyChangeInput, before: Key["limits"]): KeyChange {
  return {
    ...(change.name === undefined ? {} : { name: change.name }),
    ...(change.user === undefined ? {} : { user: change.user }),
    ...(change.group === undefined ? {} : { group: change.group }),
    ...(change.notes === undefined ? {} : { notes: change.notes }),
    ...(change.models === undefined ? {} : { models: change.models }),
    ...(change.rpm === undefined ? {} : { rpm: change.rpm }),
    ...(change.expires === undefined ? {} : { expiresAt: change.expires === null ? null : Date.parse(change.expires) }),
    limits: limitsOf(change, before),
  };
}

export const keyEndpoints = [
  endpoint({
    method: "GET",
    path: "/keys",
    tag,
    summary: "All keys, without their secrets",
    scope: "keys:read",
    query: pageQuery,
    answer: pageOf(keyView),
    async run({ gateway, query }) {
      const keys = (await gateway.store.keys.list()).toReversed();
      return pageOfAll(
        keys.map((key) => shownKey(key)),
        query,
        ({ id }) => id,
      );
    },
  }),
  endpoint({
    method: "POST",
    path: "/keys",
    tag,
    summary: "Make a key; its secret is in the answer and nowhere else",
    scope: "keys:write",
    body: newKey,
    answer: madeKey,
    status: 201,
    async run({ body, audited }) {
      const { secret, prefix } = newSecret();
      const base: Key = {
        id: newId("key_"),
        name: body.name,
        prefix,
        active: true,
        createdAt: Date.now(),
        expiresAt: null,
        models: [],
        rpm: null,
        notes: "",
        user: null,
        group: null,
        limits: noLimits,
      };
      const key: Key = { ...base, ...changeOf(body, noLimits) };
      return audited("key.create", key.id, async ({ keys }) => {
        await keys.insert(key, secret);
        const shown = shownKey(key);
        return { result: { key: shown, secret }, after: shown };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/keys/{id}",
    tag,
    summary: "One key",
    scope: "keys:read",
    params: byId,
    answer: keyView,
    async run({ gateway, params }) {
      const key = await gateway.store.keys.get(params.id);
      if (!key) throw notFound(`key '${params.id}'`);
      return shownKey(key);
    },
  }),
  endpoint({
    method: "GET",
    path: "/keys/{id}/limits",
    tag,
    summary: "What a key has used of its limits, since it was last asked with",
    scope: "keys:read",
    params: byId,
    answer: z.object({ items: z.array(limitView) }),
    async run({ gateway, params }) {
      const all = (await gateway.limits()) as readonly { readonly subject: string }[];
      return { items: all.filter(({ subject }) => subject === `key:${params.id}`) };
    },
  }),
  endpoint({
    method: "PATCH",
    path: "/keys/{id}",
    tag,
    summary: "Change a key; absent members stay",
    scope: "keys:write",
    params: byId,
    body: keyChange,
    answer: keyView,
    needsMatch: true,
    async run({ params, body, audited, match }) {
      return audited("key.change", params.id, async ({ keys }) => {
        const before = await keys.get(params.id);
        if (!before) throw notFound(`key '${params.id}'`);
        match(shownKey(before));
        const change = changeOf(body, before.limits);
        await keys.update(before.id, change);
        const after = shownKey({ ...before, ...change });
        return { result: after, target: before.id, before: shownKey(before), after };
      });
    },
  }),
  endpoint({
    method: "POST",
    path: "/keys/{id}/rotate",
    tag,
    summary: "Give a key a new secret; the old one works on as long as its grace",
    scope: "keys:write",
    params: byId,
    body: rotation,
    answer: madeKey,
    async run({ params, body, audited, match }) {
      return audited("key.rotate", params.id, async ({ keys }) => {
        const before = await keys.get(params.id);
        if (!before) throw notFound(`key '${params.id}'`);
        match(shownKey(before));
        const { secret, prefix } = newSecret();
        await keys.replaceSecret(before.id, secret, prefix, Date.now() + body.grace_seconds * 1000);
        const after = shownKey({ ...before, prefix });
        return { result: { key: after, secret }, target: before.id, before: shownKey(before), after };
      });
    },
  }),
  ...(["revoke", "restore"] as const).map((verb) =>
    endpoint({
      method: "POST",
      path: `/keys/{id}/${verb}`,
      tag,
      summary: verb === "revoke" ? "Take a key out of force" : "Put a revoked key in force again",
      scope: "keys:write",
      params: byId,
      answer: keyView,
      async run({ params, audited, match }) {
        return audited(`key.${verb}`, params.id, async ({ keys }) => {
          const before = await keys.get(params.id);
          if (!before) throw notFound(`key '${params.id}'`);
          match(shownKey(before));
          const active = verb === "restore";
          await keys.update(before.id, { active });
          const after = shownKey({ ...before, active });
          return { result: after, target: before.id, before: shownKey(before), after };
        });
      },
    }),
  ),
];
