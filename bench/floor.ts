// The floor: what Node itself takes for a reverse proxy that does nothing else. `node:http` in front, `undici` behind, bytes through.
import { createServer } from "node:http";
import { Pool } from "undici";

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: 512, pipelining: 1 });

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    pool.dispatch(
      {
        path: request.url!,
        method: "POST",
        headers: {
          "content-type": request.headers["content-type"] ?? "application/json",
          authorization: "Bearer sk-upstream-dummy",
        },
        body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
      },
      {
        onRequestStart: () => {},
        onResponseStart(_controller, status, headers) {
          // What belongs to the connection is each side's own.
          delete headers["connection"];
          delete headers["keep-alive"];
          delete headers["transfer-encoding"];
          response.writeHead(status, headers);
        },
        onResponseData(_controller, chunk) {
          response.write(chunk);
        },
        onResponseEnd() {
          response.end();
        },
        onResponseError() {
          response.destroy();
        },
      },
    );
  });
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
