/** Oldest version whose `app-server` says when a model's answer is complete (`rawResponse/completed`): tried with 0.140.0, which does not, and 0.155.0. */
export const oldestServer = "0.155.0";
/** Oldest version driven at all, by `exec`. */
export const oldest = "0.125.0";

/** Tools and parts of prompts the program would add by itself. Set as settings: versions refuse `--disable` for features they do not know. */
const features = [
  "shell_tool",
  "unified_exec",
  "multi_agent",
  "goals",
  "apps",
  "plugins",
  "view_image",
  "image_generation",
  "unbounded_connection_retries",
  "memories",
];

const settings = [
  ...features.map((feature) => `features.${feature}=false`),
  "web_search=disabled",
  "mcp_servers={}",
  "include_permissions_instructions=false",
  "include_apps_instructions=false",
  "include_environment_context=false",
  "project_doc_max_bytes=0",
  "skills.include_instructions=false",
  "analytics.enabled=false",
  "check_for_update_on_startup=false",
  "history.persistence=none",
];

export const quietArguments: readonly string[] = settings.flatMap((setting) => ["-c", setting]);

/** What `exec` needs beside; the prompt comes on standard input. */
export function execArguments(model: string, effort: string | undefined, schemaFile: string | undefined): string[] {
  return [
    "exec",
    "--json",
    "--skip-git-repo-check",
    "--ephemeral",
    "-s",
    "read-only",
    "--color",
    "never",
    // Joined by `=`: a model's name comes from a client and must not become a flag of its own.
    `--model=${model}`,
    ...quietArguments,
    ...(effort === undefined ? [] : ["-c", `model_reasoning_effort=${effort}`]),
    ...(schemaFile === undefined ? [] : [`--output-schema=${schemaFile}`]),
    "-",
  ];
}
