import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { asObject, GatewayError, parseJsonObject, type QuotaWindow } from "@trunkline/contracts";
import type { Opening, Program, Seat } from "../driver.ts";
import { childEnvironment } from "../../shared/child-environment.ts";
import { holdProcess, type HeldProcess } from "../process/held-process.ts";
import { createWaiting } from "../waiting-processes.ts";
import { accountEnvironment } from "./account.ts";
import { argumentsFor, launchEnvironment, launchFor, quietEnvironment, type Launch, type Session } from "./flags.ts";
import { title } from "./failures.ts";
import { quotaOfUsage } from "./quota.ts";
import { createThread } from "./thread.ts";

/** Milliseconds the program gets to tell its usage, which it asks its vendor for. */
const usageMs = 20_000;

export function createClaudeProgram(seat: Seat): Program {
  const start = (launch: Launch, session: Session): HeldProcess =>
    holdProcess({
      command: seat.command,
      args: [...seat.leading, ...argumentsFor(launch, session), ...seat.account.arguments],
      environment: childEnvironment(
        seat.environment,
        seat.account.home,
        quietEnvironment,
        accountEnvironment(seat.account),
        launchEnvironment(launch, session),
      ),
      // A session is found again only from the folder it was begun in.
      ...(session === undefined ? {} : { folder: seat.account.workFolder }),
      childrenFolder: seat.childrenFolder,
      limits: seat.limits,
    });

  // Each answers one conversation and ends with it: what one client said must never be in another's history.
  const waiting = createWaiting<Launch, HeldProcess>({
    size: seat.warm,
    start: (launch) => start(launch, undefined),
    childOf: ({ child }) => child,
  });

  function open({ model, conversation, session }: Opening) {
    const launch = launchFor(model, conversation);
    const kept = session && { id: session.resume ?? randomUUID(), resumed: session.resume !== undefined };
    return createThread({
      seat,
      model,
      process: kept ? start(launch, kept) : waiting.take(launch),
      // Not before: the next process's start would take the processor from this answer's first token.
      onAnswered: () => waiting.refill(launch),
      sessionId: kept?.id,
      resumed: kept?.resumed ?? false,
    });
  }

  return {
    open: async (opening) => open(opening),
    readQuota() {
      return new Promise<readonly QuotaWindow[]>((resolve, reject) => {
        const { child, listen } = start(
          { model: "sonnet", effort: undefined, thinks: true, maxOutputTokens: undefined },
          undefined,
        );
        const settle = (act: () => void) => {
          clearTimeout(timer);
          act();
          void child.stop();
        };
        const timer = setTimeout(
          () => settle(() => reject(new GatewayError("upstream_timeout", `${title} did not tell its usage in time.`))),
          usageMs,
        );
        listen({
          line(line) {
            const event = parseJsonObject(line);
            const response = asObject(event?.["response"]);
            if (event?.["type"] !== "control_response" || response?.["request_id"] !== "usage") return;
            settle(() => resolve(quotaOfUsage(asObject(response["response"]) ?? {}, seat.now())));
          },
          end: (end) => settle(() => reject(end.error ?? new GatewayError("program_crashed", `${title} ended.`))),
        });
        const ask = (id: string, request: object) =>
          child.write(`${JSON.stringify({ type: "control_request", request_id: id, request })}\n`);
        ask("begin", { subtype: "initialize" });
        ask("usage", { subtype: "get_usage", skip_behaviors: true });
      });
    },
    async forget(resumeId) {
      // The program names the folder after the folder it ran in, which is another each time.
      const { glob } = await import("node:fs/promises");
      const root = join(
        accountEnvironment(seat.account)["CLAUDE_CONFIG_DIR"] ?? join(seat.account.home, ".claude"),
        "projects",
      );
      for await (const path of glob(`*/${resumeId}*`, { cwd: root }))
        await rm(join(root, path), { recursive: true, force: true });
    },
    close: () => waiting.close(),
  };
}
