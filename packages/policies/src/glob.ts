/** A glob over model names as a test: `*` is any text (slashes too), `?` one character, the rest is itself; case does not matter. */
export function compileGlob(pattern: string): (name: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replace(/\?/g, ".");
  const expression = new RegExp(`^${source}$`, "is");
  return (name) => expression.test(name);
}
