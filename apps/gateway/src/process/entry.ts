import { fileURLToPath } from "node:url";

/** The command's own file, which daemons and workers are started from. */
export const entry = fileURLToPath(new URL("../../bin/trunkline.mjs", import.meta.url));
