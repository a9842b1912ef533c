import type { Target } from "./catalogue.ts";

/** Most members listed, and most characters of one: they are the client's own words. */
const mostMembers = 32;
const longestMember = 64;

/** Headers hold printable ASCII only; a model's name may be anything. */
function safe(text: string): string {
  if (text.length <= 256 && !/[^\x21-\x7e]/.test(text)) return text;
  return text
    .replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character.isWellFormed() ? character : "\uFFFD"))
    .slice(0, 256);
}

/** Says which target answered, by which route and at which try, and what of the request it could not honour. */
export function addTargetHeaders(
  headers: Record<string, string>,
  target: Target | undefined,
  route: string,
  tries: number,
  degraded: ReadonlySet<string>,
): void {
  if (route !== "") headers["x-trunkline-route"] = safe(route);
  if (tries > 0) headers["x-trunkline-attempts"] = String(tries);
  if (target) {
    headers["x-trunkline-provider"] = safe(target.provider.name);
    headers["x-trunkline-model"] = safe(target.model);
  }
  if (degraded.size > 0) {
    const members = [...degraded].map((member) => member.replace(/[^\w.$-]/g, "_").slice(0, longestMember));
    const more = members.length > mostMembers ? [`and ${members.length - mostMembers} more`] : [];
    headers["x-trunkline-degraded"] = [...members.slice(0, mostMembers), ...more].join(", ");
  }
}
