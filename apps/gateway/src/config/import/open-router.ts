import { list, members, text, type Draft, type Members } from "./draft.ts";

const strategies: Readonly<Record<string, string>> = {
  price: "cheapest",
  throughput: "lowest-latency",
  latency: "lowest-latency",
};

/**
 * Requests as they are sent to OpenRouter (one, or a list): `models`, which are asked one after the other, become a route. What it chooses
 * among hosts of one model stays its own affair.
 */
export function importOpenRouter(root: Members, draft: Draft): void {
  const requests = (Array.isArray(root["requests"]) ? root["requests"] : [root]).map(members);
  const models = new Set<string>();
  for (const request of requests) {
    const first = text(request["model"]);
    const others = list(request["models"]).flatMap((name) => text(name) ?? []);
    const all = [...new Set([...(first ? [first] : []), ...others])];
    if (all.length === 0) {
      draft.notes.push("A request without `model` or `models` was left out.");
      continue;
    }
    for (const name of all) models.add(name);
    const preferences = members(request["provider"]);
    if (all.length > 1) {
      const strategy = strategies[text(preferences["sort"]) ?? ""];
      draft.routes.push({
        pattern: all[0]!,
        ...(strategy ? { strategy } : {}),
        targets: all.map((name) => `openrouter/${name}`),
      });
    }
    for (const member of Object.keys(preferences))
      if (member !== "sort" || all.length === 1)
        draft.notes.push(
          `\`provider.${member}\` of '${all[0]!}' chooses among hosts at OpenRouter: send it with each request, as before.`,
        );
  }
  draft.providers["openrouter"] = { preset: "openrouter", api_key: "${OPENROUTER_API_KEY}", models: [...models] };
  draft.notes.push(
    "The key is read from OPENROUTER_API_KEY. Vendors you have an account of your own with can be put before it in a route.",
  );
}
