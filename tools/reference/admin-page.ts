import { roles, scopes, scopesOf } from "@trunkline/contracts";
import { endpoints } from "../../apps/gateway/src/desk/endpoints/index.ts";
import { made, table } from "./table.ts";

/** Every address of the admin API, and who may ask it. */
export function adminPage(): string {
  const tags = [...new Set(endpoints.map(({ tag }) => tag))];
  const rights = { null: "anybody", "signed-in": "whoever is signed in" } as Readonly<Record<string, string>>;
  const sections = tags.map((tag) => {
    const rows = endpoints
      .filter((endpoint) => endpoint.tag === tag)
      .map(({ method, path, summary, scope, needsMatch }) => [
        method,
        `\`${path.replace("/*", "/{name}")}\``,
        `${summary}${needsMatch ? " (`If-Match`)" : ""}`,
        rights[String(scope)] ?? `\`${scope}\``,
      ]);
    return `## ${tag}\n\n${table(["Method", "Address", "What it does", "Right"], rows)}`;
  });
  const may = roles.filter((role) => role !== "none");
  const rightRows = scopes.map((scope) => [
    `\`${scope}\``,
    ...may.map((role) => (scopesOf[role].includes(scope) ? "yes" : "")),
  ]);
  return `${made}# Admin API

Below \`/admin/api\`, for the [dashboard](../guides/dashboard.md)'s session or HTTP Basic. \`GET /admin/api/openapi.json\` describes it for programs (OpenAPI 3.1), with every member of what is sent and answered.
Lists are \`{items, next}\`, asked for with \`limit\` and \`cursor\`. Where \`If-Match\` stands, the \`ETag\` that was read has to be sent, or \`*\`. A POST takes an \`Idempotency-Key\`.

${sections.join("\n\n")}

## Rights

${table(["Right", ...may], rightRows)}
`;
}
