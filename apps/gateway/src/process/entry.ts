import { fileURLToPath } from "node:url";

/** The command's own file, which daemons and workers are started from. */
export const entry = fileURLToPath(new URL("../../bin/trunkline.mjs", import.meta.url));

/** For glibc: one heap for all threads. Where one thread does nearly all, that is 4 MiB less and nothing slower. */
export const oneHeap = { MALLOC_ARENA_MAX: "1" } as const;
