/** Headers of one connection only, and those that do not hold for a body that was decoded on the way: they are not passed on. */
export const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "trailer",
  "content-length",
  "content-encoding",
]);
