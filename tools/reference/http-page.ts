import { answerHeaders } from "../../apps/gateway/src/http/answer-headers.ts";
import { geminiVerbs, modelPaths } from "../../apps/gateway/src/http/model-routes.ts";
import { turnHeaders } from "../../apps/gateway/src/http/turn-headers.ts";
import { made, table } from "./table.ts";

/** Every address, and the headers of requests and answers. */
export function httpPage(): string {
  const others = [
    [
      "GET",
      "/v1/models, /v1/models/{id}, /v1beta/models, /v1beta/models/{id}",
      "Models this key may use, in the shape of the vendor whose header was sent: `anthropic-version`, `x-goog-api-key` (or `?key=`), else OpenAI's.",
    ],
    ["GET, DELETE", "/v1/responses/{id}", "A stored response."],
    ["GET", "/v1/responses/{id}/input_items", "What a stored response was made from."],
    ["GET", "/health", "Liveness; public."],
    [
      "GET",
      "/v1/health",
      "Database, ledger, providers and their accounts, targets that rest, limits, kill switches; needs a key.",
    ],
    [
      "GET",
      "/v1/usage/quota",
      "What is used up of the accounts' plans: `{accounts: [{provider, account, state, reason, until}], buckets: [{provider, account, type, status, utilization, resetsAt, …}], asOf}`; needs a key.",
    ],
    ["GET", "/metrics", "See [metrics](metrics.md)."],
    ["GET", "/admin", "The [dashboard](../guides/dashboard.md)."],
    ["GET, POST, …", "/admin/api/…", "What operators do: see [the admin API](admin-api.md)."],
  ];
  const signIn = [
    [
      "POST",
      "/v1/auth/{provider}/login",
      "Begins a sign-in: `{flow?: code|device}` → `{login, url, open}`, or `{login, verification_uri, user_code}`.",
    ],
    [
      "GET",
      "/v1/auth/{provider}/login",
      "Sends a browser on its way: with `?ticket=` from above, or with the admin's name and password.",
    ],
    [
      "GET",
      "/v1/auth/{provider}/callback",
      "Where the authorization server sends the browser back to. Public; the browser is known by its cookie.",
    ],
    [
      "POST",
      "/v1/auth/{provider}/callback",
      "The address a browser ended at that could not reach the gateway: `{login, url}`.",
    ],
    [
      "GET",
      "/v1/auth/{provider}/status",
      "`state` (`ready`, `expired`, `revoked`, `signed-out`), why, until when, and the clock's difference; with `?login=` what became of a sign-in.",
    ],
    [
      "POST",
      "/v1/auth/{provider}",
      "Hands a credential in: `{access_token?, refresh_token?, expires_in?, scope?}`, or `{credential}` to be exchanged.",
    ],
    ["DELETE", "/v1/auth/{provider}", "Signs out: revokes the tokens, and forgets them."],
  ];
  const jobs = [
    [
      "POST",
      "/v1/tasks",
      "`{endpoint, body, callback_url?, idempotency_key?, run_at?}` → 202 and the task. The header `Idempotency-Key` counts as the member.",
    ],
    [
      "GET",
      "/v1/tasks, /v1/tasks/{id}",
      "Tasks, newest first (`limit`, `after`, `status`, `callback`); one with its result.",
    ],
    ["POST", "/v1/tasks/{id}/cancel", "Takes one back that has not ended."],
    ["POST", "/v1/tasks/{id}/callback", "Delivers its callback again."],
    ["GET", "/v1/webhooks/secret", "What this key's callbacks are signed with."],
    ["POST", "/v1/webhooks/secret/rotate", "A new one; for a day both sign."],
    ["POST, GET, DELETE", "/v1/files, /v1/files/{id}, /v1/files/{id}/content", "Files, as OpenAI has them."],
    [
      "POST, GET",
      "/v1/batches, /v1/batches/{id}, /v1/batches/{id}/cancel",
      "Batches of requests in a file, as OpenAI has them.",
    ],
    [
      "POST, GET",
      "/v1/schedules",
      "`{cron, time_zone?, endpoint, body, callback_url?, name?, missed?, overlap?, paused?}`; the schedules.",
    ],
    ["GET, PATCH, DELETE", "/v1/schedules/{id}", "One of them."],
    ["GET", "/v1/schedules/{id}/runs", "What became of each time it was due."],
    ["POST", "/v1/schedules/{id}/run", "Runs it now, besides."],
  ];
  return `${made}# HTTP

A key is taken from \`Authorization: Bearer\`, \`x-api-key\`, \`x-goog-api-key\`, \`api-key\` or \`?key=\`. Bodies may be compressed with gzip, deflate, br or zstd.

## Model routes

${table(["Method", "Path"], [...modelPaths.map((path) => ["POST", `\`${path}\``]), ...geminiVerbs.map((verb) => ["POST", `\`/v1beta/models/{model}:${verb}\` (also under \`/v1\`)`])])}

\`streamGenerateContent\` answers server-sent events with \`alt=sse\`, else a JSON array.

## Other routes

${table(["Method", "Path", "What it answers"], others)}

\`/admin/api\` takes the admin's name and password (HTTP Basic, \`admin\`), not a client's key.

## Signing in to providers

For operators, like \`/admin/api\`. See [sign-in](../guides/sign-in.md).

${table(["Method", "Path", "What it does"], signIn)}

## Work in the background

With a client's key; what belongs to one key is not there for another. See [tasks](../guides/tasks.md).

${table(["Method", "Path", "What it does"], jobs)}

## Workers

\`GET /v1/workers\` becomes a WebSocket. See [the workers' protocol](workers.md).

## Headers of requests

${table(
  ["Header", "What it says"],
  Object.entries(turnHeaders).map(([name, what]) => [`\`${name}\``, what]),
)}

## Headers of answers

${table(
  ["Header", "What it says"],
  Object.entries(answerHeaders).map(([name, what]) => [`\`${name}\``, what]),
)}

Of a client's headers only \`anthropic-version\`, \`anthropic-beta\` and \`openai-beta\` go on, and only to a provider of the same dialect.
A client's own \`x-request-id\` (8 to 128 of \`A-Z a-z 0-9 . _ : -\`) is kept.

## Long silences

On a stream that stays silent for \`server.heartbeat_seconds\` a sign of life is sent: \`event: ping\` to Anthropic's clients, a comment to the others.
Without a stream nothing can be sent before the answer is whole: behind a proxy that cuts silent connections, stream.
`;
}
