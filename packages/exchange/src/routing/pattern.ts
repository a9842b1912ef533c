import { compileCapture } from "@trunkline/policies";

/** What the stars or groups of a pattern stand for in a name; undefined when the name does not match. */
export type NameMatcher = (name: string) => readonly string[] | undefined;

/**
 * A route's pattern as a matcher: a regular expression between slashes, else a glob, of which a plain name is one. Regular expressions are
 * RE2's, which take time in proportion to the name whatever they say. Throws with the reason when there is a mistake in it.
 */
export async function compilePattern(pattern: string): Promise<NameMatcher> {
  if (pattern.length < 2 || !pattern.startsWith("/") || !pattern.endsWith("/")) return compileCapture(pattern);
  // Loaded only where a route has one.
  const { RE2JS } = await import("re2js");
  const expression = RE2JS.compile(pattern.slice(1, -1));
  return (name) => {
    const matcher = expression.matcher(name);
    if (!matcher.find()) return undefined;
    return Array.from({ length: matcher.groupCount() }, (_, index) => matcher.group(index + 1) ?? "");
  };
}

/** Whether a pattern is nothing but a model's name. */
export function isPlainName(pattern: string): boolean {
  return !/[*?]/.test(pattern) && !(pattern.startsWith("/") && pattern.endsWith("/"));
}

/** A target's name with what the pattern captured put in: `*` in turn for a glob's stars, `$1` for a regular expression's groups. */
export function fillIn(target: string, captures: readonly string[]): string {
  if (captures.length === 0) return target;
  let star = 0;
  return target.replace(/\*|\$(\d)/g, (whole, group: string | undefined) =>
    group === undefined
      ? (captures[Math.min(star++, captures.length - 1)] ?? whole)
      : (captures[Number(group) - 1] ?? ""),
  );
}
