import { writeFileSync } from "node:fs";
import { glob, rm } from "node:fs/promises";
import { join } from "node:path";
import { createAcpProgram } from "../acp/program.ts";
import { fullInstructions } from "../conversation/transcript.ts";
import type { Opening, Program, Seat } from "../driver.ts";
import { childEnvironment } from "../../shared/child-environment.ts";
import { compareVersions } from "../process/find-program.ts";
import { accountEnvironment, instructionsFile, plainInstructions, prepareFiles } from "./account.ts";
import { acpArguments, oldestAcp } from "./flags.ts";
import { createStreamThread, title } from "./stream.ts";

export function createGeminiProgram(seat: Seat): Program {
  const { account } = seat;
  const chats = join(account.home, ".gemini", "tmp");

  /** Chats lie in files named after the first part of their id. */
  async function forget(sessionId: string): Promise<void> {
    const name = sessionId.split("-")[0];
    if (!name) return;
    for await (const path of glob(`*/chats/*${name}*`, { cwd: chats }))
      await rm(join(chats, path), { recursive: true, force: true });
  }

  if (compareVersions(seat.version, oldestAcp) < 0) {
    return {
      open: async ({ model }) => createStreamThread(seat, model, forget),
      close: async () => {},
    };
  }
  return createAcpProgram({
    seat,
    title,
    args: acpArguments,
    environment: childEnvironment(seat.environment, account.home, accountEnvironment(account)),
    prepare: (scratch) => prepareFiles(account, scratch),
    instruct(scratch, { conversation }: Opening) {
      writeFileSync(instructionsFile(scratch), fullInstructions(conversation) || plainInstructions);
      return true;
    },
    setsModel: true,
    forget,
  });
}
