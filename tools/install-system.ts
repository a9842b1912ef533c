import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Programs the suites need that npm does not bring, as Debian's packages. */
const needed: readonly { readonly what: string; readonly debian: string; readonly isThere: () => boolean }[] = [
  {
    what: "PostgreSQL's server, for the store's suite",
    debian: "postgresql",
    isThere: () => existsSync("/usr/lib/postgresql") && runs("sh", ["-c", "ls /usr/lib/postgresql/*/bin/initdb"]),
  },
  {
    what: "Python with venv, for its SDKs",
    debian: "python3-venv",
    isThere: () => runs("python3", ["-c", "import ensurepip, venv"]),
  },
  { what: "Chromium, for browser workers", debian: "chromium", isThere: () => runs("chromium", ["--version"]) },
  {
    what: "a display nobody looks at, for signing in with a window",
    debian: "xvfb",
    isThere: () => runs("Xvfb", ["-help"]),
  },
  { what: "Prometheus, for its rules", debian: "prometheus", isThere: () => runs("promtool", ["--version"]) },
];

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** Installs what is missing with apt, as root or through sudo; says what to install where it cannot. */
export function installSystemPackages(): void {
  const missing = needed.filter(({ isThere }) => !isThere());
  if (missing.length === 0) return;
  const packages = missing.map(({ debian }) => debian);
  console.log(`Installing ${packages.join(", ")} …`);
  const prefix = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const apt = (...args: string[]) => {
    const [command, ...rest] = [...prefix, "apt-get", "-qq", ...args];
    return (
      spawnSync(command!, rest, {
        stdio: ["ignore", "ignore", "inherit"],
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      }).status === 0
    );
  };
  if (
    runs("apt-get", ["--version"]) &&
    (apt("install", "-y", ...packages) || (apt("update") && apt("install", "-y", ...packages)))
  )
    return;
  for (const { what, debian } of missing)
    console.error(
      `Missing: ${what}. Install it (on Debian: apt-get install ${debian}) and run the same command again.`,
    );
  process.exit(1);
}
