import type { Started } from "../process/serve.ts";

/** What a person sees when the gateway has started. */
export function banner({ address, found, firstKey, adminPassword, config, failures, home }: Started): string {
  const lines = ["", `  Trunkline is ready at ${address}`, ""];
  const why = new Map(found.map((entry) => [entry.name, entry.why]));
  const missing = new Set(failures.map(({ name }) => name));
  const providers = Object.entries(config.providers).filter(([name, { enabled }]) => enabled && !missing.has(name));
  if (providers.length > 0) {
    lines.push("  Providers");
    for (const [name] of providers)
      lines.push(`    ${name.padEnd(16)}${why.has(name) ? `found: ${why.get(name)}` : "from trunkline.yaml"}`);
  } else {
    lines.push(
      "  Providers         none yet. Set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, … or start Ollama, then start again,",
      `                    or name them in ${home.configFile}.`,
      "                    Signed in to Claude Code, Codex or Gemini CLI? `npx trunkline accounts add claude` (codex, agy, gemini)",
    );
  }
  for (const { name, reason } of failures) lines.push(`    ${name.padEnd(16)}not available: ${reason}`);
  lines.push("    trunkline/echo  built in: repeats what it is sent, for trying clients offline", "");
  if (firstKey)
    lines.push(
      `  API key           ${firstKey}`,
      "                    shown this once; make more with `npx trunkline keys create`",
    );
  lines.push(`  Dashboard         ${address}/admin`);
  if (adminPassword) lines.push(`                    user admin, password ${adminPassword} (shown this once)`);
  lines.push("");
  lines.push("  Try it", `    ${curlLine(address, firstKey)}`, "");
  if (!firstKey)
    lines.push("    TRUNKLINE_KEY is a key of yours; `npx trunkline keys create --name me` makes one.", "");
  return lines.join("\n");
}

/** One line that works as pasted. */
export function curlLine(address: string, key: string | undefined): string {
  const body = '{"model":"trunkline/echo","messages":[{"role":"user","content":"Hello, Trunkline"}]}';
  const secret = key === undefined ? '"Authorization: Bearer $TRUNKLINE_KEY"' : `'Authorization: Bearer ${key}'`;
  return `curl -s ${address}/v1/chat/completions -H ${secret} -H 'Content-Type: application/json' -d '${body}'`;
}
