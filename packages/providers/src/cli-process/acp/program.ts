import { asArray, asObject, asString, type JsonObject } from "@trunkline/contracts";
import type { ModelInfo } from "../../provider.ts";
import type { Opening, Program, Seat, Thread } from "../driver.ts";
import { createLazyServer } from "../process/lazy-server.ts";
import { startRpcServer } from "../process/rpc-server.ts";
import { acpFailure, createAcpThread } from "./thread.ts";

export type AcpOptions = {
  readonly seat: Seat;
  readonly title: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Files the program reads, and what of its environment names them. */
  readonly prepare?: (scratch: string) => Readonly<Record<string, string>>;
  /** Gives a session its instructions before it begins; false when they must be said in the prompt. */
  readonly instruct?: (scratch: string, opening: Opening) => boolean;
  /** Whether a session can be given another model than the process was started with. */
  readonly setsModel: boolean;
  /** Removes what the program keeps of a session. */
  readonly forget: (sessionId: string) => Promise<void>;
};

/** A program that speaks the Agent Client Protocol: one process, a session a conversation. */
export function createAcpProgram(options: AcpOptions): Program {
  const { seat, title } = options;
  /** Sessions begin one after the other: instructions are in a file that all of them read. */
  let last: Promise<unknown> = Promise.resolve();
  let models: readonly ModelInfo[] = [];

  const server = createLazyServer(
    () =>
      startRpcServer({
        seat,
        title,
        args: [...seat.leading, ...options.args, ...seat.account.arguments],
        environment: options.environment,
        ...(options.prepare ? { prepare: options.prepare } : {}),
        idOf: (parameters) => asString(parameters["sessionId"]),
        common: () => {},
      }),
    async ({ rpc }) => {
      await rpc.call("initialize", {
        protocolVersion: 1,
        clientCapabilities: { fs: { readTextFile: false, writeTextFile: false } },
        clientInfo: { name: "trunkline", version: "1" },
      });
    },
  );

  function noteModels(result: JsonObject): void {
    models = asArray(asObject(result["models"])?.["availableModels"]).flatMap((given) => {
      const model = asObject(given) ?? {};
      const id = asString(model["modelId"]);
      const displayName = asString(model["name"]);
      return id === undefined ? [] : [{ id, ...(displayName ? { displayName } : {}) }];
    });
  }

  async function begin(opening: Opening): Promise<Thread> {
    const running = await server.get();
    const { rpc, child } = running;
    const { model } = opening;
    const hasInstructions = options.instruct?.(child.scratch, opening) ?? false;
    // Always a new one: gemini 0.61.0 empties a session when it is loaded again, so that we remember what was said ourselves.
    const result = await rpc.call("session/new", { cwd: child.folder, mcpServers: [] });
    noteModels(result);
    const sessionId = asString(result["sessionId"]) ?? "";
    if (options.setsModel && model !== "default") await rpc.call("session/set_model", { sessionId, modelId: model });
    return createAcpThread({
      seat,
      title,
      model,
      server: running,
      sessionId,
      hasInstructions,
      forget: () => options.forget(sessionId),
    });
  }

  return {
    async open(opening) {
      const turn = last.then(() => begin(opening));
      last = turn.catch(() => {});
      return turn.catch((error: unknown) => {
        throw acpFailure(error, seat, title);
      });
    },
    async listModels() {
      if (models.length === 0) {
        const { rpc, child } = await server.get();
        const result = await rpc.call("session/new", { cwd: child.folder, mcpServers: [] }).catch((error: unknown) => {
          throw acpFailure(error, seat, title);
        });
        noteModels(result);
        await options.forget(asString(result["sessionId"]) ?? "");
      }
      return models;
    },
    close: () => server.close(),
  };
}
