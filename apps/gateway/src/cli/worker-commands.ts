import type { Command } from "commander";
import { browserWorker, fetchWorker, type BrowserOptions, type FetchOptions } from "./commands/worker.ts";
import { listServices, restartService } from "./commands/services.ts";
import { addWorker, listWorkers, listWorkerTokens, revokeWorkerToken } from "./commands/workers.ts";
import type { Register } from "./program.ts";

export function addWorkerCommands({ program, act, simple }: Register): void {
  const workers = act(program.command("workers").description("list the workers that are connected"), listWorkers);
  act(
    workers.command("add <name>").description("make a token for workers of this name, and show it once"),
    (context, command) => addWorker(context, command.args[0]!),
  );
  simple(workers, "tokens", "list the tokens, without their secrets", listWorkerTokens);
  act(workers.command("revoke <id>").description("stop a token from working"), (context, command) =>
    revokeWorkerToken(context, command.args[0]!),
  );

  const services = act(
    program.command("services").description("list the processes the gateway keeps running"),
    listServices,
  );
  act(services.command("restart <name>").description("end one and start it again at once"), (context, command) =>
    restartService(context, command.args[0]!),
  );

  const worker = program.command("worker").description("make a gateway's requests from here");
  const withGateway = (command: Command) =>
    command
      .option("--gateway <url>", "the gateway's address; default the one that runs here")
      .option("--capacity <count>", "requests made at once", "8")
      .option("--header <line...>", "sent with every request, such as 'x-api-key: secret'");
  act(
    withGateway(
      worker
        .command("fetch")
        .description("from this machine, in its network")
        .requiredOption("--target <url>", "where every request goes"),
    ),
    (context, command) => fetchWorker(context, command.opts<FetchOptions>()),
  );
  act(
    withGateway(
      worker
        .command("browser")
        .description("from a page of a browser that is signed in there")
        .requiredOption("--origin <url>", "the page that requests are made from")
        .requiredOption("--profile <folder>", "where the browser keeps who is signed in; one an account")
        .option("--target <url>", "where requests go; default the page's own origin")
        .option("--sign-in", "show the browser first, until its window is closed")
        .option("--signed-in-cookie <name>", "until this cookie is there; and fail as signed out without it")
        .option("--visible", "show the browser all the time")
        .option("--browser <path>", "the browser; default Chromium or Chrome on the path"),
    ),
    (context, command) => browserWorker(context, command.opts<BrowserOptions>()),
  );
}
