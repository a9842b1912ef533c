import { createInterface } from "node:readline/promises";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { driverNames } from "@trunkline/providers";
import { loadConfig } from "../../config/load-config.ts";
import { askRunning } from "../ask-gateway.ts";
import { CommandError, exitCodes, type CommandContext } from "../context.ts";
import { openBrowser } from "../open-browser.ts";
import { loginCommand } from "./accounts.ts";
import { testProviders } from "./providers.ts";

export type LoginOptions = { readonly device?: boolean; readonly browser: boolean };

type Begun = {
  readonly login: string;
  readonly flow: string;
  readonly url: string;
  readonly open: string;
  readonly verification_uri: string;
  readonly verification_uri_complete?: string;
  readonly user_code: string;
};
type Status = {
  readonly kind: string;
  readonly state: string;
  readonly flows: readonly string[];
  readonly subject?: string | null;
  readonly login?: { readonly status: string; readonly problem: string | null };
};

const pollMs = 500;

const otherwise = "The gateway is not running, and the sign-in ends at it. Start it with `npx trunkline start -d`.";

const ask = <T>(context: CommandContext, method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<T> =>
  askRunning<T>(context, method, path, { otherwise, ...(body ? { body } : {}) });

const pathOf = (provider: string) => `/v1/auth/${encodeURIComponent(provider)}`;

/** Signs in to a provider, in the way it has. */
export async function signInCommand(context: CommandContext, provider: string, options: LoginOptions): Promise<number> {
  const entry = loadConfig(context.home.configFile, context.environment).providers[provider];
  const isProgram = entry ? entry.kind === "cli-process" : driverNames.some((driver) => driver === provider);
  if (isProgram) return loginCommand(context, provider, undefined);
  const { flows, kind } = await ask<Status>(context, "GET", `${pathOf(provider)}/status`);
  if (flows.length === 0)
    throw new CommandError(`The provider '${provider}' (${kind}) is not signed in to.`, exitCodes.usage);
  if (flows.includes("credential")) await handIn(context, provider);
  else await signIn(context, provider, flows, options);
  console.error(`Signed in to ${provider}.`);
  return testProviders(context, provider);
}

async function signIn(
  context: CommandContext,
  provider: string,
  flows: readonly string[],
  options: LoginOptions,
): Promise<void> {
  const begin = (flow: string) => ask<Begun>(context, "POST", `${pathOf(provider)}/login`, { flow });
  if (options.device === true) return untilDone(context, provider, showDevice(await begin("device")));
  const begun = await begin("code");
  if (options.browser && openBrowser(begun.open, context.environment)) {
    console.error(`Your browser opens the sign-in. If it does not, open this yourself:\n\n  ${begun.open}\n`);
    return untilDone(context, provider, begun);
  }
  // Nobody can be sent back to this machine: a code typed in elsewhere is the easier way.
  if (flows.includes("device")) return untilDone(context, provider, showDevice(await begin("device")));
  console.error(
    `Open this on any machine with a browser and sign in:\n\n  ${begun.url}\n\n` +
      "The browser then ends at an address it may not reach. Paste that whole address here:",
  );
  const line = await firstLine();
  await ask(context, "POST", `${pathOf(provider)}/callback`, { login: begun.login, url: line });
}

function showDevice(begun: Begun): Begun {
  const { verification_uri: address, verification_uri_complete: complete, user_code: code } = begun;
  console.error(`Open this on any machine with a browser:\n\n  ${address}\n\nand type in the code\n\n  ${code}\n`);
  if (complete !== undefined) console.error(`or open it with the code in it:\n\n  ${complete}\n`);
  return begun;
}

async function untilDone(context: CommandContext, provider: string, begun: Begun): Promise<void> {
  for (;;) {
    const { login } = await ask<Status>(context, "GET", `${pathOf(provider)}/status?login=${begun.login}`);
    if (login?.status === "done") return;
    if (login === undefined || login.status === "failed")
      throw new CommandError(`The sign-in failed: ${login?.problem ?? "it is not known any more"}.`);
    await wait(pollMs);
  }
}

async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) if (line.trim() !== "") return line.trim();
  } finally {
    lines.close();
  }
  throw new CommandError("Nothing was pasted; nobody is signed in.", exitCodes.usage);
}

/** A credential that is exchanged for tokens comes on standard input: arguments are seen by everybody on the machine. */
async function handIn(context: CommandContext, provider: string): Promise<void> {
  if (process.stdin.isTTY) console.error("Paste the credential and press Ctrl-D:");
  const credential = (await textOf(process.stdin)).trim();
  if (credential === "") throw new CommandError("No credential came on standard input.", exitCodes.usage);
  await ask(context, "POST", pathOf(provider), { credential });
}

export async function signOutCommand(context: CommandContext, provider: string): Promise<number> {
  const result = await ask<{ revoked: boolean; problem: string | null }>(context, "DELETE", pathOf(provider));
  const fate = result.revoked
    ? "revoked at the authorization server and forgotten here"
    : `forgotten here, but not revoked${result.problem === null ? ": its authorization server cannot be told" : `: ${result.problem}`}`;
  context.print(result, () => `Signed out of ${provider}: the tokens are ${fate}.`);
  return exitCodes.ok;
}
