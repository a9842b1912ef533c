import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKey } from "@trunkline/admin";
import type { DialectName } from "@trunkline/contracts";
import {
  caseNames,
  fixtures,
  sendJson,
  sendSse,
  startUpstream,
  type Behaviour,
  type CaseName,
  type FakeUpstream,
} from "@trunkline/testkit";
import { stringify } from "yaml";
import { serve } from "../src/process/serve.ts";

export type TestGateway = {
  readonly origin: string;
  readonly key: string;
  readonly home: string;
  readonly started: Awaited<ReturnType<typeof serve>>;
  /** Sends JSON with the key as a bearer token. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  makeKey(input: {
    name: string;
    expiresAt?: number;
    models?: readonly string[];
    rpm?: number;
  }): Promise<{ id: string; secret: string }>;
  close(): Promise<void>;
};

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "trunkline-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Nobody is asked anything but by a test. */
const quiet = { discover: false, health: { probe_seconds: 0 } };

/** A whole gateway in this process, in a home folder of its own, on a port the system chooses. */
export async function startGateway(
  config: object = {},
  environment: Record<string, string> = {},
  /** An existing home, which outlives the gateway; its own and new when absent. */
  home?: string,
): Promise<TestGateway> {
  const folder = home === undefined ? temporaryFolder() : { path: home, remove() {} };
  writeFileSync(join(folder.path, "trunkline.yaml"), stringify({ ...quiet, ...config }));
  const started = await serve(
    { TRUNKLINE_HOME: folder.path, TRUNKLINE_PORT: "0", ...environment },
    { terminal: false },
  );
  const key = started.firstKey ?? "";
  return {
    origin: started.address,
    key,
    home: folder.path,
    started,
    post: (path, body, headers = {}) =>
      fetch(started.address + path, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${key}`, ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    get: (path, headers = {}) =>
      fetch(started.address + path, { headers: { authorization: `Bearer ${key}`, ...headers } }),
    async makeKey(input) {
      const made = await createKey(started.gateway.store.keys, input, Date.now());
      return { id: made.key.id, secret: made.secret };
    },
    async close() {
      await started.stop();
      folder.remove();
    },
  };
}

const bin = join(import.meta.dirname, "../bin/trunkline.mjs");

export type GatewayProcess = {
  readonly address: string;
  /** Resolves when it is gone. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
};

/** `trunkline start` in a process of its own, with nothing of this one's environment but the path. */
export async function spawnGateway(
  environment: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [bin, "start", "--json", ...args], {
    env: { PATH: process.env["PATH"]!, TRUNKLINE_PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let text = "";
  for await (const piece of child.stdout) {
    text += String(piece);
    const address = /"address":\s*"([^"]+)"/.exec(text)?.[1];
    if (address === undefined) continue;
    return {
      address,
      end(signal) {
        child.kill(signal);
        return gone;
      },
    };
  }
  throw new Error(`the gateway did not start: ${text}`);
}

/** A provider that speaks Chat, with one model `x`. */
export function chatProvider(origin: string): object {
  return { preset: "openai", dialects: ["openai-chat"], base_url: `${origin}/v1`, api_key: "sk-up", models: ["x"] };
}

/** One provider per dialect, all at the same upstream. Each lists one model, which is its own by its bare name. */
export function fourProviders(origin: string): Record<string, object> {
  return {
    "u-chat": {
      models: ["u-chat-case-tools"],
      preset: "openai",
      base_url: `${origin}/v1`,
      api_key: "up-chat",
      dialects: ["openai-chat"],
    },
    "u-responses": {
      models: ["u-responses-case-tools"],
      preset: "openai",
      base_url: `${origin}/v1`,
      api_key: "up-responses",
      dialects: ["openai-responses"],
    },
    "u-anthropic": {
      models: ["u-anthropic-case-tools"],
      preset: "anthropic",
      base_url: `${origin}/v1`,
      api_key: "up-anthropic",
    },
    "u-gemini": {
      models: ["u-gemini-case-tools"],
      preset: "gemini",
      base_url: `${origin}/v1beta`,
      api_key: "up-gemini",
    },
  };
}

export const providerOf: Readonly<Record<DialectName, string>> = {
  "openai-chat": "u-chat",
  "openai-responses": "u-responses",
  "anthropic-messages": "u-anthropic",
  gemini: "u-gemini",
};

/** The fixture a request's model name asks for, in the dialect it was asked in. */
export const answerFixture: Behaviour = ({ dialect, body, path, stream }, response) => {
  const name = String(body["model"] ?? path);
  const wanted: CaseName = caseNames.find((candidate) => name.includes(`case-${candidate}`)) ?? "text";
  if (!dialect) return sendJson(response, 404, { error: { message: "unknown path" } });
  const answer = fixtures[dialect][wanted];
  if (stream) sendSse(response, answer.sse);
  else sendJson(response, 200, answer.json);
};

/** A gateway and the upstream behind its four providers. */
export async function startPair(
  behaviour: Behaviour = answerFixture,
  config: object = {},
): Promise<{ gateway: TestGateway; upstream: FakeUpstream; close(): Promise<void> }> {
  const upstream = await startUpstream(behaviour);
  const gateway = await startGateway({ providers: fourProviders(upstream.origin), ...config });
  return {
    gateway,
    upstream,
    async close() {
      await gateway.close();
      await upstream.close();
    },
  };
}

/** A request of each dialect that asks for the same. */
export function requestFor(
  dialect: DialectName,
  model: string,
  text: string,
  stream: boolean,
): { path: string; body: object } {
  switch (dialect) {
    case "openai-chat":
      return {
        path: "/v1/chat/completions",
        body: {
          model,
          stream,
          ...(stream ? { stream_options: { include_usage: true } } : {}),
          messages: [{ role: "user", content: text }],
        },
      };
    case "openai-responses":
      return { path: "/v1/responses", body: { model, stream, store: false, input: text } };
    case "anthropic-messages":
      return {
        path: "/v1/messages",
        body: { model, stream, max_tokens: 1000, messages: [{ role: "user", content: text }] },
      };
    case "gemini":
      return {
        path: `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
        body: { contents: [{ role: "user", parts: [{ text }] }] },
      };
  }
}
