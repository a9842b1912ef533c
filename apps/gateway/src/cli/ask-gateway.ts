import { secretBoxOf } from "../config/home.ts";
import { operatorPurpose } from "../desk/who.ts";
import { findRunning, urlHost } from "../process/run-state.ts";
import { CommandError, exitCodes, type CommandContext } from "./context.ts";

/** Milliseconds a running gateway gets to answer. */
const answerMs = 30_000;

/** The same of a gateway that must be running. Throws CommandError, with what is said when it is not. */
export async function askRunning<T>(
  context: CommandContext,
  method: "GET" | "POST" | "DELETE",
  path: string,
  options: { readonly body?: object; readonly otherwise?: string } = {},
): Promise<T> {
  const answer = await askGateway(context, method, path, options.body);
  if (answer !== undefined) return answer as T;
  throw new CommandError(options.otherwise ?? "Trunkline is not running.", exitCodes.notRunning);
}

/** Asks this home's running gateway as its operator; undefined when none runs. Throws CommandError with what it says. */
export async function askGateway(
  context: CommandContext,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: object,
): Promise<unknown> {
  const running = await findRunning(context.home);
  if (!running) return undefined;
  const token = secretBoxOf(context.home).token(operatorPurpose);
  const answer = await fetch(`http://${urlHost(running.host)}:${running.port}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(answerMs),
  });
  const value = (await answer.json()) as { detail?: string; error?: { message?: string } };
  if (!answer.ok)
    throw new CommandError(value.detail ?? value.error?.message ?? `The gateway answered ${answer.status}.`);
  return value;
}
