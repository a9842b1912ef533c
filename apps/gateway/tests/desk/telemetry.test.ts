import { spawn, spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { startUpstream, sendJson } from "@trunkline/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { answerFixture, chatProvider, temporaryFolder } from "../harness.ts";
import { startCollector } from "./collector.ts";
import { startDesk, type TestDesk } from "./desk.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});
const track = <T extends { close(): unknown }>(thing: T): T => {
  open.push(thing);
  return thing;
};

function ask(desk: TestDesk, model: string, headers: Record<string, string> = {}) {
  return desk.gateway
    .post("/v1/chat/completions", { model, messages: [{ role: "user", content: "hi" }] }, headers)
    .then(async (answer) => [answer.status, await answer.text()] as const);
}

const deploy = join(import.meta.dirname, "../../../../deploy");

describe("traces", () => {
  test("tell what the ledger tells, in the client's trace, and tell the provider of it", async () => {
    const collector = track(await startCollector());
    const down = track(await startUpstream((_request, response) => sendJson(response, 500, { error: {} })));
    const seen: (string | string[] | undefined)[] = [];
    const up = track(
      await startUpstream((request, response) => {
        seen.push(request.headers["traceparent"], request.headers["tracestate"]);
        answerFixture(request, response);
      }),
    );
    const desk = track(
      await startDesk({
        providers: { down: chatProvider(down.origin), up: chatProvider(up.origin) },
        routes: [{ pattern: "both", targets: ["down/x", "up/x"] }],
        prices: [{ provider: "up", model: "*", input: 2, output: 8 }],
        telemetry: { otlp_endpoint: collector.origin, otlp_headers: { "x-api-key": "of the collector" } },
      }),
    );
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const parentId = "b7ad6b7169203331";
    await ask(desk, "both", {
      traceparent: `00-${traceId}-${parentId}-01`,
      tracestate: "vendor=1",
      "x-request-id": "a-traced-request",
      "user-agent": "test/1",
    });
    const own = () =>
      collector.spans.find(({ attributes }) => attributes["trunkline.exchange.id"] === "a-traced-request");
    await expect.poll(own).toBeDefined();
    const span = own()!;
    const { store } = desk.gateway.started.gateway;
    const { exchange: row, attempts } = (await store.exchanges.get("a-traced-request"))!;
    expect(span).toMatchObject({
      traceId,
      parentId,
      name: "chat both",
      kind: 2,
      resource: { "service.name": "trunkline" },
    });
    expect(span.durationMs).toBeCloseTo(row.duration_ms, 3);
    expect(span.attributes).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": row.requested_model,
      "gen_ai.request.stream": row.stream === 1,
      "gen_ai.response.model": row.model,
      "gen_ai.response.finish_reasons": [row.finish_reason],
      "gen_ai.usage.input_tokens": row.input_tokens,
      "gen_ai.usage.output_tokens": row.output_tokens,
      "gen_ai.usage.cache_read.input_tokens": row.cache_read_tokens,
      "gen_ai.usage.cache_creation.input_tokens": row.cache_write_5m_tokens! + row.cache_write_1h_tokens!,
      "gen_ai.usage.reasoning.output_tokens": row.reasoning_tokens,
      "http.response.status_code": row.status,
      "user_agent.original": row.client,
      "trunkline.exchange.id": row.id,
      "trunkline.key.id": row.key_id,
      "trunkline.provider": row.provider,
      "trunkline.route": row.route,
      "trunkline.dialect": row.dialect,
      "trunkline.outcome": row.outcome,
      "trunkline.attempts": attempts.length,
      "trunkline.usage_estimated": row.usage_estimated === 1,
      "trunkline.cost_nano_usd": row.cost_nano_usd,
    });
    expect(row.cost_nano_usd).toBeGreaterThan(0);
    const tries = collector.spans.filter(({ parentId: parent }) => parent === span.spanId);
    expect(
      tries.map(({ kind, attributes }) => [kind, attributes["trunkline.provider"], attributes["error.type"]]),
    ).toEqual(attempts.map(({ provider, error }) => [3, provider, error ?? undefined]));
    expect(seen).toEqual([`00-${traceId}-${span.spanId}-01`, "vendor=1"]);
    expect(collector.headers[0]).toMatchObject({ url: "/v1/traces", "x-api-key": "of the collector" });
    // The log's lines are written once a second.
    await expect.poll(() => readFileSync(join(desk.gateway.home, "logs/trunkline.log"), "utf8")).toContain(traceId);
  });

  test("a client that does not sample is not traced, and bad contexts begin a new one", async () => {
    const collector = track(await startCollector());
    const desk = track(await startDesk({ telemetry: { otlp_endpoint: `${collector.origin}/v1/traces` } }));
    const ids = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"] as const;
    await ask(desk, "trunkline/echo", { traceparent: `00-${ids[0]}-${ids[1]}-00`, "x-request-id": "not-sampled-1" });
    for (const [index, traceparent] of [
      "junk",
      `ff-${ids[0]}-${ids[1]}-01`,
      `00-${"0".repeat(32)}-${ids[1]}-01`,
    ].entries())
      await ask(desk, "trunkline/echo", { traceparent, "x-request-id": `bad-context-${index}` });
    const found = () => collector.spans.map(({ attributes }) => attributes["trunkline.exchange.id"]);
    await expect.poll(() => found().filter((id) => String(id).startsWith("bad-context"))).toHaveLength(3);
    expect(found()).not.toContain("not-sampled-1");
    expect(collector.spans.map(({ traceId }) => traceId)).not.toContain(ids[0]);
  });

  test("a collector that is gone holds nothing up", async () => {
    const desk = track(await startDesk({ telemetry: { otlp_endpoint: "http://127.0.0.1:9" } }));
    expect((await ask(desk, "trunkline/echo"))[0]).toBe(200);
  });
});

describe("Prometheus", () => {
  test(
    "takes the rules and the dashboard's questions, and finds every metric they name",
    { timeout: 120_000 },
    async () => {
      const desk = track(await startDesk({ providers: {} }));
      await ask(desk, "trunkline/echo");
      await ask(desk, "nothing/there");
      const folder = temporaryFolder();
      open.push({ close: () => folder.remove() });
      cpSync(join(deploy, "prometheus"), folder.path, { recursive: true });
      const config = join(folder.path, "prometheus.yml");
      const { host } = new URL(desk.gateway.origin);
      writeFileSync(join(folder.path, "trunkline.key"), desk.gateway.key);
      writeFileSync(
        config,
        readFileSync(config, "utf8")
          .replace("127.0.0.1:8317", host)
          .replace("scrape_interval: 15s", "scrape_interval: 1s"),
      );
      const checked = spawnSync("promtool", ["check", "config", config], { encoding: "utf8" });
      expect([checked.status, checked.stdout]).toEqual([0, expect.stringMatching(/SUCCESS: \d+ rules found/)]);
      const metrics = await desk.gateway.get("/metrics").then((answer) => answer.text());
      const linted = spawnSync("promtool", ["check", "metrics"], { input: metrics, encoding: "utf8" });
      // Advice on names is advice; what cannot be parsed is a fault.
      expect(linted.status).not.toBe(1);

      const port = await new Promise<number>((resolve) => {
        const server = createServer().listen(0, "127.0.0.1", () => {
          const { port: free } = server.address() as { port: number };
          server.close(() => resolve(free));
        });
      });
      const prometheus = spawn(
        "prometheus",
        [
          `--config.file=${config}`,
          `--storage.tsdb.path=${join(folder.path, "data")}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stdio: "ignore" },
      );
      open.push({
        close: () =>
          new Promise((resolve) => {
            prometheus.once("exit", resolve);
            prometheus.kill("SIGKILL");
          }),
      });
      const api = async (path: string) =>
        (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).then((answer) => answer.json())) as {
          status: string;
          data: { result: { value: [number, string] }[] };
        };
      const query = (text: string) => api(`query?query=${encodeURIComponent(text)}`);
      await expect
        .poll(async () => (await query('up{job="trunkline"}').catch(() => undefined))?.data.result[0]?.value[1])
        .toBe("1");
      const rules = readFileSync(join(folder.path, "alerts.yml"), "utf8");
      const dashboard = JSON.parse(readFileSync(join(deploy, "grafana/trunkline.json"), "utf8")) as {
        panels: { targets: { expr: string }[] }[];
      };
      const questions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
      for (const question of questions)
        expect([question, (await query(question.replaceAll("$__rate_interval", "1m"))).status]).toEqual([
          question,
          "success",
        ]);
      const known = new Set([...metrics.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!));
      const named = [...`${rules} ${questions.join(" ")}`.matchAll(/\b((?:trunkline|http)_[a-z_]+)\b/g)].map((match) =>
        match[1]!.replace(/_(?:bucket|sum|count)$/, ""),
      );
      expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
    },
  );
});
