/** Environment variables the gateway reads itself, with what they do; the reference page lists them from here. */
export const environmentVariables = {
  TRUNKLINE_HOME: "Folder for configuration, database, key and logs. Default: ~/.trunkline.",
  TRUNKLINE_HOST: "Replaces server.host.",
  TRUNKLINE_PORT: "Replaces server.port.",
  TRUNKLINE_DATABASE: "Replaces database.",
  TRUNKLINE_LOG_LEVEL: "Replaces log.level.",
  TRUNKLINE_DISCOVER: "Replaces discover: true or false.",
  TRUNKLINE_ADMIN_PASSWORD: "The admin password, instead of the generated one.",
  TRUNKLINE_ENABLED: "false refuses every request with 503, as `trunkline kill everything` does.",
  TRUNKLINE_DISABLE_NAME:
    "true refuses requests for the provider NAME (upper case, _ for what is neither letter nor digit), as `trunkline kill provider` does.",
  TRUNKLINE_CLIENTS:
    'Client keys as JSON, used while the database has none: [{"name":"ci","key":"tl-…","models":["gpt-*"],"rpm":60}].',
} as const;

export type Environment = Readonly<Record<string, string | undefined>>;
