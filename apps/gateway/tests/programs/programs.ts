import { join } from "node:path";
import type { DialectName } from "@trunkline/contracts";
import { installAgents, type AgentName } from "../agents/agents.ts";

export { installAgents };
export const programNames = ["claude", "codex", "gemini"] as const satisfies readonly AgentName[];
export type ProgramName = (typeof programNames)[number];

const bin = join(import.meta.dirname, "../../../../.cache/agents/node_modules/.bin");

/** The dialect a program speaks to its vendor, and a model it is asked for. */
export const speaks: Readonly<Record<ProgramName, DialectName>> = {
  claude: "anthropic-messages",
  codex: "openai-responses",
  gemini: "gemini",
};
export const modelOf: Readonly<Record<ProgramName, string>> = {
  claude: "claude-sonnet-5",
  codex: "gpt-5.2",
  gemini: "gemini-2.5-flash",
};

/** An account whose program's vendor is the scripted upstream. */
export function accountFor(program: ProgramName, upstream: string, name = "main"): object {
  switch (program) {
    case "claude":
      return { name, env: { ANTHROPIC_BASE_URL: upstream, ANTHROPIC_API_KEY: "dummy-anthropic-key" } };
    case "codex":
      return {
        name,
        env: { SCRIPTED_KEY: "dummy-openai-key" },
        args: [
          "-c",
          "model_provider=scripted",
          "-c",
          `model_providers.scripted={name="scripted",base_url="${upstream}/v1",env_key="SCRIPTED_KEY",wire_api="responses",request_max_retries=0,stream_max_retries=0}`,
        ],
      };
    case "gemini":
      return { name, env: { GOOGLE_GEMINI_BASE_URL: upstream, GEMINI_API_KEY: "dummy-google-key" } };
  }
}

export function providerFor(program: ProgramName, upstream: string, more: object = {}): object {
  return {
    kind: "cli-process",
    command: join(bin, program),
    models: [modelOf[program]],
    accounts: [accountFor(program, upstream)],
    timeout_seconds: 60,
    ...more,
  };
}

/** A stream's bytes as they come. */
export async function* chunksOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) yield decoder.decode(chunk as Uint8Array, { stream: true });
}
