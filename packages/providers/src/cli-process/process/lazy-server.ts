import { GatewayError } from "@trunkline/contracts";
import type { RpcServer } from "./rpc-server.ts";

/** Milliseconds a program gets to say that it is ready; Gemini CLI takes three seconds on a busy machine. */
const readyMs = 30_000;

export type LazyServer = {
  /** The running server, started if need be. Rejects with what kept it from starting. */
  get(): Promise<RpcServer>;
  /** Ends it, if it runs. */
  close(): Promise<void>;
};

/** A server that is started when it is first needed, and again after its end. `greet` ends once it takes conversations. */
export function createLazyServer(start: () => RpcServer, greet: (server: RpcServer) => Promise<void>): LazyServer {
  let starting: Promise<RpcServer> | undefined;
  /** The process, also while it gets ready. */
  let current: RpcServer | undefined;

  async function begin(): Promise<RpcServer> {
    const server = start();
    current = server;
    void server.child.gone.then(() => {
      starting = undefined;
      current = undefined;
    });
    const late = new GatewayError("upstream_timeout", "The vendor's program did not get ready in time.");
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(late), readyMs);
    });
    try {
      await Promise.race([greet(server), tooLate]);
    } catch (error) {
      void server.child.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    return server;
  }

  return {
    get() {
      starting ??= begin().catch((error: unknown) => {
        starting = undefined;
        throw error;
      });
      return starting;
    },
    async close() {
      current?.child.endInput();
      await current?.child.stop();
    },
  };
}
