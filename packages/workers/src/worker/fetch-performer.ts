import { connectionHeaders } from "../protocol/connection-headers.ts";
import { WorkError, type Performer } from "./performer.ts";

export type FetchPerformerOptions = {
  /** Where every request goes, whatever the gateway asks for. */
  readonly target: URL;
  /** Sent with every request: what must not leave this machine. */
  readonly headers: Readonly<Record<string, string>>;
};

const ownNames = new Set(["host", "connection", "content-length", "accept-encoding", "transfer-encoding"]);

/** The address of a request at a target, which a path cannot lead away from. Throws WorkError. */
export function addressAt(target: URL, path: string): URL {
  const prefix = target.pathname.replace(/\/+$/, "");
  const address = new URL(prefix + path, target);
  if (!path.startsWith("/") || address.origin !== target.origin || !address.pathname.startsWith(`${prefix}/`))
    throw new WorkError("refused", "the path leads away from the worker's target");
  return address;
}

/** Headers of an answer that go back to the gateway. */
export function answerHeaders(headers: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries(
    [...headers].filter(
      ([name, value]) =>
        !connectionHeaders.has(name) && name !== "set-cookie" && /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
    ),
  );
}

/** Makes requests from this machine, in its network. */
export function createFetchPerformer({ target, headers: own }: FetchPerformerOptions): Performer {
  return {
    async perform({ method, path, headers, body, signal }, answer) {
      const asked = Object.entries(headers).filter(([name]) => !ownNames.has(name));
      let response: Response;
      try {
        response = await fetch(addressAt(target, path), {
          method,
          headers: { ...Object.fromEntries(asked), ...own },
          redirect: "manual",
          signal,
          ...(body.length > 0 ? { body: new Uint8Array(body) } : {}),
        });
      } catch (error) {
        if (error instanceof WorkError || signal.aborted) throw error;
        const { code } = ((error as Error).cause ?? {}) as { code?: string };
        throw new WorkError(
          "unreachable",
          `${target.origin} cannot be reached${code === undefined ? "" : ` (${code})`}`,
        );
      }
      answer.head(response.status, answerHeaders(response.headers));
      try {
        for await (const bytes of response.body ?? []) await answer.data(bytes as Uint8Array);
      } catch (error) {
        if (signal.aborted) throw error;
        throw new WorkError("unreachable", `${target.origin} broke off its answer`);
      }
    },
    close: async () => {},
  };
}
