import { GatewayError } from "@trunkline/contracts";
import type { ExchangeFilter } from "@trunkline/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Gateway } from "../gateway-types.ts";
import { safeHeaders } from "../http/liveness.ts";
import { keysById, shownExchange } from "./shown-exchange.ts";

/** Milliseconds between two looks for what is new; rows are on disk within a tenth of a second. */
const lookMs = 400;
/** Milliseconds of silence after which a sign of life is sent. */
const silenceMs = 15_000;
/** Rows sent at once; of more only the newest are shown. */
const mostAtOnce = 200;
/** Streams one process keeps open. */
const mostStreams = 100;
let open = 0;

/**
 * Sends what ends from now on, for as long as the client listens. It is read from the ledger, so that it shows what every process has
 * answered; a client that comes back goes on where it was, by `Last-Event-ID`.
 */
export async function streamLive(
  gateway: Gateway,
  filter: Omit<ExchangeFilter, "limit">,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (open >= mostStreams)
    throw new GatewayError("rate_limited", "Too many are watching. Close other pages that show requests live.");
  const last = Number(request.headers["last-event-id"]);
  const { exchanges } = gateway.store;
  let position = Number.isSafeInteger(last) && last > 0 ? last : await exchanges.newest();
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, {
    ...safeHeaders,
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-request-id": request.id,
  });
  raw.write(`id: ${position}\nevent: begin\ndata: {}\n\n`);
  open++;
  let timer: NodeJS.Timeout | undefined;
  let quietSince = Date.now();
  let closed = false;
  raw.once("close", () => {
    closed = true;
    open--;
    clearTimeout(timer);
  });

  async function look(): Promise<void> {
    // Whoever does not read gets the newest once they do, and nothing piles up for them.
    if (!raw.writableNeedDrain) {
      const rows = await exchanges.list({ ...filter, after: position, limit: mostAtOnce });
      if (rows.length > 0) {
        const keys = await keysById(gateway);
        position = rows[0]!.position;
        for (const row of rows.toReversed())
          raw.write(`id: ${row.position}\nevent: exchange\ndata: ${JSON.stringify(shownExchange(row, keys))}\n\n`);
        quietSince = Date.now();
      } else if (Date.now() - quietSince > silenceMs) {
        raw.write(": still here\n\n");
        quietSince = Date.now();
      }
    }
    if (gateway.draining || gateway.retiring) raw.end();
    else if (!closed) timer = setTimeout(() => void look().catch(broken), lookMs);
  }

  const broken = (error: unknown) => {
    gateway.log.error({ err: error }, "requests cannot be shown live");
    raw.end();
  };
  void look().catch(broken);
}
