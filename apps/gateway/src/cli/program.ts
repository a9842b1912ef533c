import { Command, Option } from "commander";
import type { Environment } from "../config/environment.ts";
import { version } from "../version.ts";
import {
  addAccountCommand,
  listAccounts,
  loginCommand,
  quotaCommand,
  removeAccountCommand,
  type AddOptions,
} from "./commands/accounts.ts";
import { checkConfig, configPath, configSchemaCommand, importConfigCommand, showConfig } from "./commands/config.ts";
import { verifyAudit } from "./commands/audit.ts";
import { backup, databaseCheck, databaseInfo } from "./commands/database.ts";
import { doctor } from "./commands/doctor.ts";
import { healthCommand } from "./commands/health.ts";
import {
  createKeyCommand,
  listKeys,
  revokeKey,
  rotateKeyCommand,
  updateKeyCommand,
  type CreateOptions,
  type UpdateOptions,
} from "./commands/keys.ts";
import { kill, listKills, unkill } from "./commands/kills.ts";
import { logs } from "./commands/logs.ts";
import { addModules, listModules } from "./commands/modules.ts";
import { listRequests, type RequestOptions } from "./commands/requests.ts";
import { explainCommand, listRoutes, resetTarget, type ExplainOptions } from "./commands/routes.ts";
import { listModelsCommand, listProviders, testProviders } from "./commands/providers.ts";
import { reload, restart, start, status, stop, type StartOptions } from "./commands/start.ts";
import { completionScript } from "./completion.ts";
import { createContext, exitCodes, type CommandContext } from "./context.ts";
import { addLimitOptions } from "./key-limits.ts";
import { addSignInCommands } from "./sign-in-commands.ts";
import { addWorkerCommands } from "./worker-commands.ts";

type Run = (context: CommandContext) => Promise<number>;

/** What groups of commands are registered with. */
export type Register = {
  readonly program: Command;
  readonly act: (command: Command, run: (context: CommandContext, command: Command) => Promise<number>) => Command;
  readonly simple: (parent: Command, name: string, description: string, run: Run) => Command;
};

/** Every command. `onRun` is given what a parsed command line asks for. */
export function createProgram(environment: Environment, onRun: (run: () => Promise<number>) => void): Command {
  const program = new Command("trunkline")
    .description("One self-hosted door to every model you already pay for.")
    .version(version, "-V, --version", "print the version")
    .helpCommand(false)
    .showHelpAfterError("Add --help for how to use it.")
    .exitOverride();

  const act = (command: Command, run: (context: CommandContext, command: Command) => Promise<number>): Command =>
    command
      .addOption(new Option("--json", "print JSON"))
      .action(() => onRun(() => run(createContext(environment, command.opts()["json"] === true), command)));
  const simple = (parent: Command, name: string, description: string, run: Run) =>
    act(parent.command(name).description(description), run);

  act(
    program
      .command("start")
      .description("start the gateway")
      .option("-d, --daemon", "in the background")
      .option(
        "-w, --workers <count>",
        "answer with so many processes, or auto for one a processor; default one that does all",
      ),
    (context, command) => start(context, command.opts<StartOptions>()),
  );
  simple(program, "stop", "stop the gateway once its requests have ended", stop);
  simple(program, "reload", "read the configuration again; replace workers one after the other", reload);
  simple(program, "restart", "stop it and start it again in the background", restart);
  simple(program, "status", "tell whether it runs; exit code 3 when not", status);
  act(
    program
      .command("logs")
      .description("show the log")
      .option("-f, --follow", "and every new line")
      .option("-n, --lines <count>", "number of last lines", "50"),
    (context, command) => logs(context, command.opts<{ follow?: boolean; lines: string }>()),
  );

  act(
    program
      .command("requests")
      .description("list the newest requests, with what they used and cost")
      .option("--key <key>", "of this key (id or name)")
      .option("--provider <name>", "answered by this provider")
      .option("--model <name>", "for this model")
      .option("--status <code>", "answered with this HTTP status")
      .option("--error <code>", "that ended in this error")
      .option("--since <when>", "not older than a date, or a span such as 2h")
      .option("--before <position>", "older than the last one of another list")
      .option("-n, --limit <count>", "how many", "20"),
    (context, command) => listRequests(context, command.opts<RequestOptions>()),
  );

  const keys = program.command("keys").description("client keys");
  simple(keys, "list", "list the keys, without their secrets", listKeys);
  const aboutKey = (command: Command) =>
    addLimitOptions(command)
      .option("--models <glob...>", "models it may use; all when absent, or with all")
      .option("--expires <when>", "a date, or a span such as 30d")
      .option("--notes <text>", "anything worth knowing");
  act(
    aboutKey(
      keys
        .command("create")
        .description("make a key and show it once")
        .requiredOption("--name <name>", "what it is for"),
    ),
    (context, command) => createKeyCommand(context, command.opts<CreateOptions>()),
  );
  act(
    aboutKey(
      keys.command("update <key>").description("change a key (id or name)").option("--name <name>", "what it is for"),
    ),
    (context, command) => updateKeyCommand(context, command.args[0]!, command.opts<UpdateOptions>()),
  );
  act(
    keys
      .command("rotate <key>")
      .description("give a key (id or name) a new secret")
      .option("--grace <span>", "how long the old one works on, such as 24h; default not at all"),
    (context, command) => rotateKeyCommand(context, command.args[0]!, command.opts<{ grace?: string }>()),
  );
  act(keys.command("revoke <key>").description("stop a key (id or name) from working"), (context, command) =>
    revokeKey(context, command.args[0]!),
  );

  const whatToKill = "everything, provider NAME, model GLOB, route PATTERN or key ID";
  act(
    program
      .command("kill <scope> [name]")
      .description(`switch off ${whatToKill}, for every request from now on`)
      .option("--reason <text>", "told to whoever is refused"),
    (context, command) => kill(context, command.args, command.opts<{ reason?: string }>().reason ?? ""),
  );
  act(program.command("unkill <scope> [name]").description(`switch on again ${whatToKill}`), (context, command) =>
    unkill(context, command.args),
  );
  act(
    program.command("kills").description("list what is switched off").option("--all", "and what was, by whom and when"),
    (context, command) => listKills(context, command.opts<{ all?: boolean }>().all === true),
  );

  const routes = act(program.command("route").description("list the routes"), listRoutes);
  act(
    routes
      .command("explain <model> [file]")
      .description("tell who would answer a request, and why; the file holds its body")
      .option("--dialect <name>", "the dialect it comes in; told from the body when absent")
      .option("--key <key>", "by this key (id or name)")
      .option("--header <name=value...>", "with this header")
      .option("--at <time>", "at this time, such as 2027-01-31T18:00:00Z")
      .option("--embed", "for embeddings"),
    (context, command) => explainCommand(context, command.args[0]!, command.args[1], command.opts<ExplainOptions>()),
  );
  act(
    routes.command("reset <target>").description("forget why a target, or all of a provider, rests"),
    (context, command) => resetTarget(context, command.args[0]!),
  );
  simple(program, "health", "show what rests, is limited or is switched off at the running gateway", healthCommand);

  simple(program, "models", "list the models clients can ask for", listModelsCommand);
  const providers = act(program.command("providers").description("list the providers"), listProviders);
  act(
    providers.command("test [name]").description("ask each provider for its models, which costs no tokens"),
    (context, command) => testProviders(context, command.args[0]),
  );
  const accounts = act(
    program.command("accounts").description("list the accounts of vendors' programs (claude, codex, agy, gemini)"),
    listAccounts,
  );
  act(
    accounts
      .command("add <provider>")
      .description("add an account: runs the vendor's own log-in in a home of its own")
      .option("--name <name>", "what it is called here", "main")
      .option("--home <folder>", "use the log-in in this person's home instead, such as ~")
      .option("--plan-limits-only", "refuse rather than use what is billed beyond the plan")
      .option("--no-login", "only make its home"),
    (context, command) => addAccountCommand(context, command.args[0]!, command.opts<AddOptions>()),
  );
  act(accounts.command("login <provider> [account]").description("sign in again"), (context, command) =>
    loginCommand(context, command.args[0]!, command.args[1]),
  );
  act(
    accounts.command("remove <provider> <account>").description("sign out, and remove the account's home"),
    (context, command) => removeAccountCommand(context, command.args[0]!, command.args[1]!),
  );
  act(
    program
      .command("quota")
      .description("show what is used up of the accounts' plans")
      .option("--refresh", "ask the vendors' programs first"),
    (context, command) => quotaCommand(context, command.opts<{ refresh?: boolean }>().refresh === true),
  );
  addSignInCommands({ program, act, simple });
  addWorkerCommands({ program, act, simple });
  simple(program, "doctor", "look at everything a start and an answer depend on", doctor);

  const config = program.command("config").description("the configuration");
  act(
    config.command("check [file]").description("tell what is wrong with it, with line and column"),
    (context, command) => checkConfig(context, command.args[0]),
  );
  simple(config, "show", "show it complete with defaults, secrets masked", showConfig);
  simple(config, "path", "print the file's path", configPath);
  simple(config, "schema", "print its JSON schema, for editors", configSchemaCommand);
  act(
    config
      .command("import <source> <file>")
      .description("translate a configuration of cliproxyapi or litellm, or requests to openrouter")
      .option("-o, --out <file>", "write it there")
      .option("--force", "replace an existing file"),
    (context, command) =>
      importConfigCommand(
        context,
        command.args[0]!,
        command.args[1]!,
        command.opts<{ out?: string; force?: boolean }>(),
      ),
  );

  const database = act(program.command("db").description("where the database is and what it holds"), databaseInfo);
  simple(database, "check", "look for damage", databaseCheck);
  act(program.command("backup [file]").description("write a consistent copy of the database"), (context, command) =>
    backup(context, command.args[0]),
  );

  const audit = program.command("audit").description("who changed what");
  simple(audit, "verify", "check that every entry is as it was written", verifyAudit);

  const modules = program.command("modules").description("npm packages loaded on demand");
  simple(modules, "list", "list the installed ones", listModules);
  act(modules.command("add <package...>").description("install some into the home folder"), (context, command) =>
    addModules(context, command.args),
  );

  act(program.command("version").description("print the version"), async (context) => {
    context.print({ version, node: process.version }, () => `trunkline ${version} on Node ${process.version}`);
    return exitCodes.ok;
  });
  program
    .command("completion <shell>")
    .description("print completions for bash, zsh or fish")
    .action((shell: string) =>
      onRun(async () => {
        console.log(completionScript(shell, program));
        return exitCodes.ok;
      }),
    );
  return program;
}
