import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { GatewayError, newRequestId, toGatewayError } from "@trunkline/contracts";
import type { Gateway } from "../gateway-types.ts";
import { applyCors } from "./cors.ts";
import { serveLiveness } from "./liveness.ts";
import { dialectOfPath, matchModelRoute, modelPaths } from "./model-routes.ts";
import { isReadPath, modelsDialect, serveRead } from "./read-routes.ts";
import { refuse, serveModel } from "./serve-model.ts";

/** Milliseconds. A client gets this long to send its headers, its whole request, and to use a kept connection again. */
const headersTimeout = 30_000;
const requestTimeout = 300_000;
const keepAliveTimeout = 75_000;
const maxHeaderSize = 32 * 1024;

const workersPath = "/v1/workers";

/** A client's own request id, when it is harmless to repeat in logs and headers. */
const acceptableId = /^[A-Za-z0-9._:-]{8,128}$/;

/**
 * The HTTP server. Model routes are served on node:http itself, where a framework would cost more than the gateway; everything else
 * goes to Fastify behind the same socket.
 */
export function createHttpServer(gateway: Gateway): Server {
  let app: Promise<RequestListener> | undefined;
  const other: RequestListener = (message, response) => {
    // Loaded at the first request that needs it.
    app ??= loadApp(gateway, server);
    app.then(
      (handle) => handle(message, response),
      (error: unknown) => crashed(gateway, error, "", response),
    );
  };
  const server = createServer(
    {
      headersTimeout,
      requestTimeout,
      keepAliveTimeout,
      maxHeaderSize,
      noDelay: true,
      // Whoever asks elsewhere is answered as if it had not.
      shouldUpgradeCallback: ({ url = "", headers }) =>
        url.split("?")[0] === workersPath && headers.upgrade?.toLowerCase() === "websocket",
    },
    (message, response) => route(gateway, other, message, response),
  );
  server.on("clientError", onClientError);
  server.on("upgrade", (message, socket, head) => {
    if (gateway.draining || gateway.retiring) return void socket.destroy();
    gateway.workers.hub().then(
      (hub) => hub.upgrade(message, socket, head),
      (error: unknown) => {
        gateway.log.error({ err: error }, "workers cannot be taken");
        socket.destroy();
      },
    );
  });
  return server;
}

async function loadApp(gateway: Gateway, server: Server): Promise<RequestListener> {
  const { createApp } = await import("./app.ts");
  let handle: RequestListener | undefined;
  const app = await createApp(gateway, (handler) => {
    handle = handler as RequestListener;
    return server;
  });
  await app.ready();
  return handle!;
}

function route(gateway: Gateway, other: RequestListener, message: IncomingMessage, response: ServerResponse): void {
  if (gateway.retiring) response.shouldKeepAlive = false;
  const url = message.url ?? "/";
  const queryAt = url.indexOf("?");
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  if (applyCors(gateway.current.config.server.cors_origins, message, response)) return;
  const method = message.method ?? "GET";
  if (path === "/health" && (method === "GET" || method === "HEAD"))
    return serveLiveness(gateway.draining, message, response);
  const model = method === "POST" ? matchModelRoute(path) : undefined;
  const reads = isReadPath(method, path);
  if (!model && !reads && !modelPaths.includes(path)) return other(message, response);

  const query = queryAt < 0 ? undefined : new URLSearchParams(url.slice(queryAt + 1));
  const given = message.headers["x-request-id"];
  const requestId = typeof given === "string" && acceptableId.test(given) ? given : newRequestId(Date.now());
  const dialect =
    model?.dialect ??
    (reads && path.includes("/models")
      ? modelsDialect(path, message.headers, query)
      : dialectOfPath(path, message.headers));
  if (!gateway.begin(response))
    return refuse(
      message,
      response,
      new GatewayError("shutting_down", "The gateway is stopping and takes no new requests. Try again in a moment.", {
        retryAfterMs: 1000,
      }),
      dialect,
      requestId,
    );
  if (model) {
    serveModel(gateway, model, query, requestId, message, response).catch((error: unknown) =>
      crashed(gateway, error, requestId, response),
    );
    return;
  }
  if (!reads)
    return refuse(
      message,
      response,
      new GatewayError("method_not_allowed", `${path} answers POST, not ${method}.`),
      dialect,
      requestId,
    );
  response.setHeader("x-request-id", requestId);
  gateway
    .authorize(message.headers, query)
    .then((key) => serveRead(gateway.current, { method, path, dialect, key }, response))
    .catch((error: unknown) => {
      const known = toGatewayError(error);
      if (known.code === "internal_error")
        gateway.log.error({ err: known.details.cause, requestId }, "a request failed");
      if (response.headersSent) response.destroy();
      else refuse(message, response, known, dialect, requestId);
    });
}

function crashed(gateway: Gateway, error: unknown, requestId: string, response: ServerResponse): void {
  gateway.log.error({ err: error, requestId }, "an exchange broke");
  response.destroy();
}

/** What cannot be parsed as HTTP is answered in a line and cut off. */
function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
