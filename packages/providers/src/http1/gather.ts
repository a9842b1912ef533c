/** Collects chunks up to a limit in bytes; `add` is false once it is passed. */
export function gather(limit: number): { add(chunk: Buffer): boolean; whole(): Buffer } {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    add(chunk) {
      size += chunk.length;
      if (size > limit) return false;
      chunks.push(chunk);
      return true;
    },
    whole: () => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)),
  };
}
