import { statfs } from "node:fs/promises";
import { healthView, madeKey } from "@trunkline/admin/api";
import { createKey } from "@trunkline/admin";
import type { z } from "zod";
import { isoTime } from "../../iso-time.ts";
import { version } from "../../version.ts";
import { endpoint } from "../endpoint.ts";
import { shownKey } from "./keys.ts";
import { shownProviders } from "./providers.ts";

/** Milliseconds a key of the playground works. */
const playgroundMs = 60 * 60_000;
const startedAt = Date.now() - process.uptime() * 1000;

export const healthEndpoints = [
  endpoint({
    method: "GET",
    path: "/health",
    tag: "Statistics",
    summary: "How the gateway's parts are",
    scope: "statistics:read",
    answer: healthView,
    async run({ gateway }) {
      const [health, providers, disk] = await Promise.all([
        gateway.health() as Promise<{
          status: "ok" | "degraded";
          database: string;
          ledger: { queued: number; dropped: number };
          active: number;
        }>,
        shownProviders(gateway),
        statfs(gateway.home.folder).catch(() => undefined),
      ]);
      const of = (...statuses: string[]) => providers.filter(({ status }) => statuses.includes(status)).length;
      return {
        status: health.status,
        version,
        started: isoTime(startedAt)!,
        database: health.database,
        ledger: health.ledger,
        active: health.active,
        waiting: providers.reduce((sum, { queue }) => sum + (queue?.waiting ?? 0), 0),
        providers: { ok: of("ok"), resting: of("resting"), unavailable: of("unavailable", "signed-out", "off") },
        kill_switches: (await gateway.killSwitches()).length,
        problems: [
          ...providers.flatMap(({ name, problem }) => (problem === null ? [] : [`${name}: ${problem}`])),
          ...gateway.current.routeProblems.map(({ pattern, problem }) => `route ${pattern}: ${problem}`),
        ],
        disk_free_bytes: disk ? disk.bavail * disk.bsize : null,
        memory_bytes: process.memoryUsage.rss(),
      } satisfies z.input<typeof healthView>;
    },
  }),
  endpoint({
    method: "POST",
    path: "/playground/key",
    tag: "Playground",
    summary: "A key for an hour, to try models with",
    scope: "playground:use",
    answer: madeKey,
    status: 201,
    async run({ actor, audited }) {
      const now = Date.now();
      return audited("key.create", "", async ({ keys }) => {
        const { key, secret } = await createKey(
          keys,
          {
            name: `playground of ${actor.name.replace("user:", "")}`,
            expiresAt: now + playgroundMs,
            notes: "Made by the playground.",
          },
          now,
        );
        return { result: { key: shownKey(key), secret }, target: key.id, after: shownKey(key) };
      });
    },
  }),
];
