import { existsSync, readFileSync } from "node:fs";
import { isObject, parseJson, usualFallbacks } from "@trunkline/contracts";
import { discover, withDiscovered } from "../../config/discover.ts";
import { loadConfig } from "../../config/load-config.ts";
import { compose } from "../../compose.ts";
import { explain, readQuestion, type Explanation } from "../../explain.ts";
import { createLog } from "../../observe/log.ts";
import { createTargets } from "../../targets.ts";
import { askGateway } from "../ask-gateway.ts";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";
import { keyNamed } from "./keys.ts";

export type ExplainOptions = {
  readonly dialect?: string;
  readonly key?: string;
  readonly header?: readonly string[];
  readonly at?: string;
  readonly embed?: boolean;
};

function readRequest(file: string | undefined): object {
  if (file === undefined) return {};
  if (!existsSync(file)) throw new CommandError(`There is no file ${file}.`, exitCodes.usage);
  const body = parseJson(readFileSync(file, "utf8"));
  if (!isObject(body)) throw new CommandError(`${file} does not hold a JSON object.`, exitCodes.usage);
  return body;
}

function readHeaders(given: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.search(/[=:]/);
      if (at < 1) throw new CommandError(`--header takes name=value, not '${text}'.`, exitCodes.usage);
      return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
    }),
  );
}

/** Without a running gateway: as it would be just started, when nothing rests and nothing has been measured. */
async function explainHere(context: CommandContext, question: object): Promise<Explanation> {
  const { home, environment } = context;
  const written = loadConfig(home.configFile, environment);
  const config = withDiscovered(written, await discover(written, environment, home));
  const { log, close } = createLog({ level: "silent", file: home.logFile, terminal: false });
  return withStore(context, async (store) => {
    const composition = await compose({
      config,
      home,
      environment,
      store,
      log,
      policies: [],
      workers: undefined,
      services: undefined,
      targets: createTargets(config),
      cache: undefined,
      limiter: undefined,
      record: () => {},
      onFinished: () => {},
      onSecret: () => {},
    });
    try {
      const asked = readQuestion(question);
      const key = asked.key === undefined ? undefined : await keyNamed(store, asked.key);
      return await explain(composition.exchange, asked, { key, killSwitches: await store.killSwitches.active() });
    } finally {
      await composition.close();
      await close();
    }
  });
}

export async function explainCommand(
  context: CommandContext,
  model: string,
  file: string | undefined,
  options: ExplainOptions,
): Promise<number> {
  const question = {
    model,
    request: readRequest(file),
    headers: readHeaders(options.header),
    ...(options.dialect === undefined ? {} : { dialect: options.dialect }),
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.at === undefined ? {} : { at: options.at }),
    ...(options.embed ? { operation: "embed" } : {}),
  };
  const answered = (await askGateway(context, "POST", "/admin/api/routes/explain", question)) as
    | Explanation
    | undefined;
  const explanation = answered ?? (await explainHere(context, question));
  context.print({ ...explanation, live: answered !== undefined }, () => textOf(explanation, answered !== undefined));
  return exitCodes.ok;
}

function goesOnAfter(classes: readonly string[]): string {
  if (classes.length === usualFallbacks.length && usualFallbacks.every((name) => classes.includes(name)))
    return "the usual failures";
  return classes.join(" ") || "nothing";
}

function textOf({ names, route, strategy, candidates, error }: Explanation, isLive: boolean): string {
  const lines = [names.join(" → ")];
  if (route !== "") lines.push(`Route '${route}', strategy ${strategy}.`);
  else if (candidates.length > 0) lines.push("No route: the model is asked for by its own name.");
  if (candidates.length > 0) {
    const rows = candidates.map(({ target, verdict, why, fallback_on }, index) => [
      verdict === "skip" ? "-" : String(index + 1),
      target,
      verdict === "skip" ? "passed over" : verdict === "last-resort" ? "when nothing else is left" : "asked",
      verdict === "skip" ? "-" : goesOnAfter(fallback_on),
      why,
    ]);
    lines.push("", table(["", "TARGET", "", "GOES ON AFTER", "WHY"], rows));
  }
  if (error) lines.push("", `It would end with ${error.status} ${error.code}: ${error.message}`);
  if (!isLive) lines.push("", "The gateway is not running: what rests and what was measured there is not in this.");
  return lines.join("\n");
}

export async function listRoutes(context: CommandContext): Promise<number> {
  const { routes, badRoutes = [] } = loadConfig(context.home.configFile, context.environment);
  const rows = [
    ...routes.map(({ pattern, strategy, targets }) => [
      pattern,
      strategy,
      targets.map((entry) => (typeof entry === "string" ? entry : entry.target)).join(", "),
    ]),
    ...badRoutes.map(({ pattern, problem }) => [pattern || "?", "has a mistake", problem]),
  ];
  context.print({ routes, problems: badRoutes }, () =>
    rows.length === 0
      ? "There are no routes: models go by their own names. See docs/guides/routing.md."
      : table(["PATTERN", "STRATEGY", "TARGETS"], rows),
  );
  return exitCodes.ok;
}

export async function resetTarget(context: CommandContext, target: string): Promise<number> {
  const [provider, ...model] = target.split("/");
  const path = [provider!, ...(model.length > 0 ? [model.join("/")] : [])].map(encodeURIComponent).join("/");
  const answer = (await askGateway(context, "DELETE", `/admin/api/targets/${path}`)) as { reset: boolean } | undefined;
  if (!answer) throw new CommandError("Trunkline is not running: nothing rests.", exitCodes.notRunning);
  context.print({ target, ...answer }, () =>
    answer.reset ? `${target} is asked again from now on.` : `Nothing was known of ${target} that would make it rest.`,
  );
  return exitCodes.ok;
}
