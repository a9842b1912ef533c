import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { usageOf, type ExchangeRecord } from "@trunkline/contracts";
import { createSecretBox, openStore, type PricedExchange } from "@trunkline/store";
import { chromium, type Page } from "playwright-core";
import { firstMatch, root, start, stop } from "./processes.ts";
import { createRandom } from "./random.ts";

const entry = join(root, "apps", "gateway", "bin", "trunkline.mjs");
const password = "password for the bench";
const atOnce = 500;
const dayMs = 86_400_000;
/** Times each page is loaded; the middle one counts. */
const loads = 5;

/** A month of a team: twenty keys, six models of three providers, mornings and evenings. */
function exchangeAt(index: number, at: number, random: () => number): PricedExchange {
  const provider = ["openai", "anthropic", "local"][Math.floor(random() * 3)]!;
  const model = `${provider}-${random() < 0.7 ? "large" : "small"}`;
  const isError = random() < 0.03;
  const durationMs = 200 + random() ** 3 * 20_000;
  const inputTokens = Math.floor(random() * 8000);
  const record: ExchangeRecord = {
    id: `req_${index.toString(36).padStart(8, "0")}`,
    startedAt: at,
    durationMs,
    firstContentMs: isError ? null : durationMs / 4,
    operation: "generate",
    dialect: "openai-chat",
    upstreamDialect: "openai-chat",
    keyId: `key_${Math.floor(random() * 20)}`,
    route: "",
    requestedModel: model,
    provider,
    model,
    stream: random() < 0.6,
    status: isError ? 502 : 200,
    outcome: isError ? "error" : "ok",
    errorCode: isError ? "upstream_error" : null,
    finishReason: isError ? null : "stop",
    serviceTier: null,
    usage: isError ? null : usageOf({ inputTokens, outputTokens: Math.floor(random() * 1500) }),
    degraded: [],
    attempts: [],
    reservations: [],
    cache: null,
    sessionId: null,
    client: "bench",
    trace: null,
  };
  return { record, costNanoUsd: isError ? null : inputTokens * 2500, savedNanoUsd: null };
}

async function fill(file: string, count: number): Promise<void> {
  const store = await openStore({
    location: file,
    secretBox: createSecretBox(() => [Buffer.alloc(32, 1)]),
    now: Date.now,
  });
  const random = createRandom(1);
  const begin = Date.now() - 30 * dayMs;
  for (let index = 0; index < count; index += atOnce) {
    const batch = Array.from({ length: atOnce }, (_, offset) =>
      exchangeAt(index + offset, begin + ((index + offset) / count) * 30 * dayMs, random),
    );
    await store.appendExchanges(batch);
  }
  await store.close();
}

/** Milliseconds from asking for a page until everything on it is there. */
async function loadMs(page: Page, address: string): Promise<number> {
  const from = performance.now();
  await page.goto(address);
  // The page's own policy lets nobody evaluate text in it: it is asked again and again.
  const isThere =
    "Boolean(document.querySelector('h1')) && !document.querySelector('.animate-pulse') && ![...document.querySelectorAll('dd')].some(({ textContent }) => textContent === '…')";
  while (!(await page.evaluate<boolean>(isThere))) await page.waitForTimeout(5);
  return performance.now() - from;
}

const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** The dashboard over a million requests: how long its pages take to be there, and how long the first paint at a slow machine. */
export async function measureDesk(count = 1_000_000): Promise<Record<string, number>> {
  const home = mkdtempSync(join(tmpdir(), "trunkline-bench-desk-"));
  const results: Record<string, number> = {};
  const env = {
    ...process.env,
    MALLOC_ARENA_MAX: "1",
    TRUNKLINE_HOME: home,
    TRUNKLINE_ADMIN_PASSWORD: password,
    TRUNKLINE_PORT: "0",
    NO_COLOR: "1",
  };
  writeFileSync(join(home, "trunkline.yaml"), "discover: false\n");
  await promisify(execFile)(process.execPath, [entry, "keys", "create", "--name", "bench", "--json"], { env });
  const from = performance.now();
  await fill(join(home, "trunkline.db"), count);
  results["fill_us_per_row"] = ((performance.now() - from) * 1000) / count;
  const child = start(undefined, process.execPath, [entry, "start", "--json"], { env });
  const [, origin] = await firstMatch(child, /"address":\s*"(http:[^"]+)"/);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(`${origin}/admin`);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    for (const [name, path] of [
      ["overview_day", "/"],
      ["overview_month", "/?range=month"],
      ["requests", "/requests"],
      ["requests_rare", "/requests?error_code=none_of_them"],
      ["requests_filtered", "/requests?provider=local&outcome=error"],
    ] as const) {
      const times: number[] = [];
      for (let turn = 0; turn < loads; turn++) times.push(await loadMs(page, `${origin}/admin${path}`));
      results[`${name}_ms`] = middle(times);
    }
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    const paints: number[] = [];
    for (let turn = 0; turn < loads; turn++) {
      await page.goto(`${origin}/admin`);
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      const paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
      let painted = await page.evaluate<number | null>(paint);
      while (painted === null) {
        await page.waitForTimeout(10);
        painted = await page.evaluate<number | null>(paint);
      }
      paints.push(painted);
    }
    results["first_paint_4x_ms"] = middle(paints);
    const sizes = await page.evaluate<number>(
      "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js')).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)",
    );
    results["initial_js_kb"] = sizes / 1000;
  } finally {
    await browser.close();
    await stop(child);
    rmSync(home, { recursive: true, force: true });
  }
  return results;
}
