import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutations } from "./mutations.ts";

// `npm run test:mutations`: breaks each decoder and encoder in one place, and expects a test to notice. Every file is put back.

const root = join(import.meta.dirname, "../..");
const suites = ["packages/dialects", "tests/fuzz", "apps/gateway/tests/pairs.test.ts"];
let unnoticed = 0;

for (const { file, find, put } of mutations) {
  const path = join(root, "packages/dialects/src", file);
  const text = readFileSync(path, "utf8");
  if (!text.includes(find)) {
    console.log(`${file}: '${find}' is not there any more; choose another place`);
    unnoticed++;
    continue;
  }
  try {
    writeFileSync(path, text.replace(find, put));
    const { status } = spawnSync("vitest", ["run", "--bail=1", ...suites], { cwd: root, stdio: "ignore" });
    if (status === 0) unnoticed++;
    console.log(`${file}: ${status === 0 ? "NOBODY NOTICES" : "noticed"} (${find} → ${put})`);
  } finally {
    writeFileSync(path, text);
  }
}
console.log(`\n${mutations.length - unnoticed} of ${mutations.length} noticed`);
process.exitCode = unnoticed > 0 ? 1 : 0;
