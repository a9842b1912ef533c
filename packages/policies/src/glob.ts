/** A piece between two stars: `?` stands for any character. Both are lower case. */
function matchesAt(text: string, piece: string, at: number): boolean {
  if (at < 0 || at + piece.length > text.length) return false;
  for (let index = 0; index < piece.length; index++)
    if (piece[index] !== "?" && piece[index] !== text[at + index]) return false;
  return true;
}

/**
 * What the stars of a glob match of a name, or undefined when it does not match: `*` is any text (slashes too, as little as can be), `?`
 * one character, the rest is itself; case does not matter. Not a regular expression, whose stars can take a name of 256 characters
 * minutes.
 */
export function compileCapture(pattern: string): (name: string) => string[] | undefined {
  const [first, ...rest] = pattern.toLowerCase().replace(/\*+/g, "*").split("*") as [string, ...string[]];
  const last = rest.pop();
  return (name) => {
    const text = name.toLowerCase();
    // Some characters have another length in lower case: what matched is then given as that.
    const source = text.length === name.length ? name : text;
    if (last === undefined) return text.length === first.length && matchesAt(text, first, 0) ? [] : undefined;
    const end = text.length - last.length;
    if (!matchesAt(text, first, 0) || end < first.length || !matchesAt(text, last, end)) return undefined;
    const captures: string[] = [];
    let at = first.length;
    for (const piece of rest) {
      let found = at;
      while (found + piece.length <= end && !matchesAt(text, piece, found)) found++;
      if (found + piece.length > end) return undefined;
      captures.push(source.slice(at, found));
      at = found + piece.length;
    }
    captures.push(source.slice(at, end));
    return captures;
  };
}

/** A glob as a test. */
export function compileGlob(pattern: string): (name: string) => boolean {
  const capture = compileCapture(pattern);
  return (name) => capture(name) !== undefined;
}
