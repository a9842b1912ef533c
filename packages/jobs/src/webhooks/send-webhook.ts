import { checkAddress, guardedLookup } from "@trunkline/providers";
import { GatewayError } from "@trunkline/contracts";
import type { Agent } from "undici";

export type Delivery =
  | { readonly isDelivered: true }
  /** `isFinal`: trying again would change nothing. */
  | { readonly isDelivered: false; readonly error: string; readonly isFinal: boolean };

export type WebhookSender = {
  send(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<Delivery>;
  close(): Promise<void>;
};

export type WebhookSenderOptions = {
  readonly timeoutMs: number;
  /** Address ranges callbacks may go to although they are private, in CIDR notation. */
  readonly allow: readonly string[];
  readonly agentName: string;
};

/** Throws GatewayError for an address no callback may go to, as far as can be told without looking its name up. */
export function checkCallbackUrl(url: string, allow: readonly string[]): void {
  try {
    const { username, password } = checkAddress(url, allow);
    if (username !== "" || password !== "") throw new Error("it holds a name or password");
  } catch (error) {
    const reason =
      error instanceof GatewayError
        ? "it is no http or https address on the public internet"
        : (error as Error).message;
    throw new GatewayError("invalid_request", `'callback_url' cannot be called: ${reason}.`, {
      parameter: "callback_url",
    });
  }
}

/** Delivers to addresses of the public internet alone, judged when the connection is made. Redirects are not followed. */
export function createWebhookSender({ timeoutMs, allow, agentName }: WebhookSenderOptions): WebhookSender {
  let agent: Agent | undefined;

  return {
    async send(url, body, headers) {
      const { Agent: AgentClass, request } = await import("undici");
      agent ??= new AgentClass({ connect: { lookup: guardedLookup(allow), timeout: Math.min(timeoutMs, 10_000) } });
      try {
        checkCallbackUrl(url, allow);
        const answer = await request(url, {
          method: "POST",
          dispatcher: agent,
          body,
          headers: { "content-type": "application/json", "user-agent": agentName, ...headers },
          signal: AbortSignal.timeout(timeoutMs),
        });
        // What it says is nobody's business; read a little, so that the connection can be used again.
        await answer.body.dump({ limit: 64 * 1024, signal: AbortSignal.timeout(timeoutMs) }).catch(() => {});
        const { statusCode } = answer;
        if (statusCode >= 200 && statusCode < 300) return { isDelivered: true };
        if (statusCode >= 300 && statusCode < 400)
          return { isDelivered: false, isFinal: false, error: `it answered ${statusCode}; redirects are not followed` };
        return { isDelivered: false, isFinal: statusCode === 410, error: `it answered ${statusCode}` };
      } catch (error) {
        return { isDelivered: false, isFinal: false, error: reasonOf(error) };
      }
    },
    async close() {
      await agent?.destroy();
    },
  };
}

function reasonOf(thrown: unknown): string {
  const error = thrown as Error & { code?: string; cause?: unknown };
  const cause = error.cause instanceof GatewayError ? error.cause : error;
  if (cause instanceof GatewayError) return "its address is not on the public internet";
  if (error.name === "TimeoutError") return "it did not answer in time";
  return `it cannot be reached${error.code === undefined ? "" : ` (${error.code})`}`;
}
