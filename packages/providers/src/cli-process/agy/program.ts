import type { Program, Seat } from "../driver.ts";
import { childEnvironment } from "../../shared/child-environment.ts";
import { holdProcess, type HeldProcess } from "../process/held-process.ts";
import { createWaiting } from "../waiting-processes.ts";
import { argumentsFor, launchFor, type Launch } from "./flags.ts";
import { createThread } from "./thread.ts";

export function createAgyProgram(seat: Seat): Program {
  const { account } = seat;
  const waiting = createWaiting<Launch, HeldProcess>({
    size: seat.warm,
    start: (launch) =>
      holdProcess({
        command: seat.command,
        args: [...seat.leading, ...argumentsFor(launch), ...account.arguments],
        environment: childEnvironment(seat.environment, account.home, account.environment),
        childrenFolder: seat.childrenFolder,
        limits: seat.limits,
      }),
    childOf: ({ child }) => child,
  });
  return {
    async open({ model, conversation }) {
      const launch = launchFor(model, conversation);
      return createThread({ seat, model, process: waiting.take(launch), onAnswered: () => waiting.refill(launch) });
    },
    close: () => waiting.close(),
  };
}
