import { existsSync, statfsSync, statSync } from "node:fs";
import { compileConfigRoutes } from "../../compile-config-routes.ts";
import { ConfigError, loadConfig } from "../../config/load-config.ts";
import { findRunning, urlHost } from "../../process/run-state.ts";
import { exitCodes, withStore, type CommandContext } from "../context.ts";
import { reportPrograms, type ProgramReport } from "./programs.ts";
import { checkProvider, withProviders } from "./providers.ts";

type Finding = { readonly check: string; readonly state: "ok" | "warning" | "failed"; readonly detail: string };

/** Free disk below which the ledger is in danger, in bytes. */
const leastFree = 500 * 1024 * 1024;

function runtime(): Finding {
  const major = Number(process.versions.node.split(".")[0]);
  return {
    check: "runtime",
    state: major >= 24 ? "ok" : "failed",
    detail: `Node ${process.version}${major >= 24 ? "" : "; 24 or newer is needed"}`,
  };
}

function modes({ home }: CommandContext): Finding[] {
  if (!existsSync(home.folder))
    return [{ check: "home", state: "warning", detail: `${home.folder} does not exist yet; the first start makes it` }];
  return [home.folder, home.configFile, home.secretFile, home.databaseFile]
    .filter((path) => existsSync(path))
    .map((path) => {
      const open = (statSync(path).mode & 0o077) !== 0;
      return {
        check: "access",
        state: open ? "failed" : "ok",
        detail: open ? `${path} can be read by others; run: chmod go= ${path}` : `${path} is the owner's alone`,
      } as const;
    });
}

function disk({ home }: CommandContext): Finding {
  const { bavail, bsize } = statfsSync(existsSync(home.folder) ? home.folder : "/");
  const free = bavail * bsize;
  return {
    check: "disk",
    state: free < leastFree ? "warning" : "ok",
    detail: `${Math.round(free / 1024 / 1024)} MiB free`,
  };
}

/** Routes, or targets of them, that cannot be used. */
async function routes(context: CommandContext, providers: readonly { readonly name: string }[]): Promise<Finding[]> {
  const config = loadConfig(context.home.configFile, context.environment);
  const { problems } = await compileConfigRoutes(config, providers);
  return problems.map(({ pattern, problem }) => ({ check: `route ${pattern}`, state: "failed", detail: problem }));
}

function configuration(context: CommandContext): Finding {
  try {
    loadConfig(context.home.configFile, context.environment);
    return { check: "config", state: "ok", detail: context.home.configFile };
  } catch (error) {
    return { check: "config", state: "failed", detail: error instanceof ConfigError ? error.message : String(error) };
  }
}

async function database(context: CommandContext): Promise<Finding> {
  try {
    const keys = await withStore(context, (store) => store.keys.count());
    return { check: "database", state: "ok", detail: `opens; ${keys} key${keys === 1 ? "" : "s"}` };
  } catch (error) {
    return { check: "database", state: "failed", detail: (error as Error).message };
  }
}

/** A program nobody has an account for may be missing; one with an account may not. */
function programFinding({
  program,
  version,
  problem,
  accounts,
}: ProgramReport): Finding & { readonly program: object } {
  const signedOut = accounts.filter(({ signedIn }) => signedIn === "no");
  const state =
    problem !== null ? (accounts.length > 0 ? "failed" : "warning") : signedOut.length > 0 ? "failed" : "ok";
  const people = accounts.map(({ name, signedIn, quota }) => `${name} (signed in: ${signedIn}; ${quota})`).join(", ");
  const who = accounts.length === 0 ? `no account; add one with: trunkline accounts add ${program}` : people;
  return {
    check: `program ${program}`,
    state,
    detail: problem ?? `${version}; ${who}`,
    program: { found: version !== null, version, accounts },
  };
}

/** Looks at everything a start and an answer depend on. Fails when any finding does. */
export async function doctor(context: CommandContext): Promise<number> {
  const findings: Finding[] = [runtime(), ...modes(context), disk(context), configuration(context)];
  if (findings.every(({ state }) => state !== "failed")) {
    findings.push(await database(context));
    await withProviders(context, async ({ providers, failures }) => {
      for (const { name, reason } of failures)
        findings.push({ check: `provider ${name}`, state: "failed", detail: reason });
      findings.push(...(await routes(context, providers)));
      for (const check of await Promise.all(providers.map(checkProvider))) {
        findings.push({
          check: `provider ${check.name}`,
          state: check.ok ? "ok" : "failed",
          detail: check.ok ? `${check.models} models in ${check.ms} ms` : check.problem!,
        });
      }
    });
  }
  if (findings.every(({ check, state }) => check !== "database" || state === "ok"))
    for (const report of await reportPrograms(context)) findings.push(programFinding(report));
  const running = await findRunning(context.home);
  findings.push({
    check: "gateway",
    state: "ok",
    detail: running ? `running at http://${urlHost(running.host)}:${running.port}` : "not running",
  });
  const marks = { ok: "✓", warning: "!", failed: "✗" } as const;
  context.print(findings, () =>
    findings.map(({ check, state, detail }) => `${marks[state]} ${check.padEnd(20)} ${detail}`).join("\n"),
  );
  return findings.some(({ state }) => state === "failed") ? exitCodes.failed : exitCodes.ok;
}
