import { asObject, asString, type JsonObject, type QuotaWindow } from "@trunkline/contracts";
import type { Opening, Program, Seat, Thread } from "../driver.ts";
import type { ModelInfo } from "../../provider.ts";
import { childEnvironment } from "../../shared/child-environment.ts";
import { compareVersions } from "../process/find-program.ts";
import { createLazyServer } from "../process/lazy-server.ts";
import { startRpcServer } from "../process/rpc-server.ts";
import { accountEnvironment } from "./account.ts";
import { encodeConversation } from "./encode-turn.ts";
import { createExecThread } from "./exec.ts";
import { failureOfCall, title } from "./failures.ts";
import { oldestServer, quietArguments } from "./flags.ts";
import { quotaOfSnapshot } from "./quota.ts";
import { createThread } from "./thread.ts";

export function createCodexProgram(seat: Seat): Program {
  let windows: readonly QuotaWindow[] = [];

  function noteQuota(snapshot: JsonObject): readonly QuotaWindow[] {
    const told = quotaOfSnapshot(snapshot, seat.now());
    if (told.length > 0) {
      windows = told;
      seat.onQuota(told);
    }
    return windows;
  }

  const server = createLazyServer(
    () =>
      startRpcServer({
        seat,
        title,
        args: [...seat.leading, "app-server", ...quietArguments, ...seat.account.arguments],
        environment: childEnvironment(seat.environment, seat.account.home, accountEnvironment(seat.account)),
        idOf: (parameters) => asString(parameters["threadId"]),
        common(method, parameters) {
          if (method === "account/rateLimits/updated") noteQuota(asObject(parameters["rateLimits"]) ?? {});
        },
      }),
    async ({ rpc }) => {
      await rpc.call("initialize", {
        clientInfo: { name: "trunkline", title: "Trunkline", version: "1" },
        capabilities: { experimentalApi: true },
      });
      rpc.notify("initialized");
    },
  );

  async function readQuota(): Promise<readonly QuotaWindow[]> {
    const { rpc } = await server.get();
    try {
      return noteQuota(asObject((await rpc.call("account/rateLimits/read", {}))["rateLimits"]) ?? {});
    } catch (error) {
      throw failureOfCall(error, seat);
    }
  }

  async function open({ model, conversation, session }: Opening): Promise<Thread> {
    if (compareVersions(seat.version, oldestServer) < 0) return createExecThread(seat, model);
    try {
      const running = await server.get();
      const encoded = encodeConversation(conversation, model);
      const shared = {
        model,
        cwd: running.child.folder,
        approvalPolicy: "never",
        sandbox: "read-only",
        baseInstructions: encoded.instructions,
      };
      const { thread } =
        session?.resume === undefined
          ? await running.rpc.call("thread/start", {
              ...shared,
              ephemeral: session === undefined,
              environments: [],
              experimentalRawEvents: true,
              ...(encoded.tools.length === 0 ? {} : { dynamicTools: [...encoded.tools] }),
            })
          : await running.rpc.call("thread/resume", { ...shared, threadId: session.resume, excludeTurns: true });
      return createThread({
        seat,
        model,
        server: running,
        threadId: asString(asObject(thread)?.["id"]) ?? "",
        keeps: session !== undefined,
        resumed: session?.resume !== undefined,
        quota: () => windows,
        readQuota,
      });
    } catch (error) {
      throw failureOfCall(error, seat);
    }
  }

  return {
    open,
    readQuota,
    async listModels(): Promise<readonly ModelInfo[]> {
      const { rpc } = await server.get();
      try {
        const { data } = await rpc.call("model/list", {});
        return (Array.isArray(data) ? data : []).flatMap((given) => {
          const model = asObject(given) ?? {};
          const id = asString(model["model"]) ?? asString(model["id"]);
          const displayName = asString(model["displayName"]);
          return id === undefined || model["hidden"] === true ? [] : [{ id, ...(displayName ? { displayName } : {}) }];
        });
      } catch (error) {
        throw failureOfCall(error, seat);
      }
    },
    async forget(resumeId) {
      const { rpc } = await server.get();
      await rpc.call("thread/delete", { threadId: resumeId }).catch(() => {});
    },
    close: () => server.close(),
  };
}
