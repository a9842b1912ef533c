// A service of somebody else's: answers in OpenAI's dialect at PORT, and misbehaves as it is told.
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const [, , fault = "", starts = ""] = process.argv;
if (starts !== "") appendFileSync(starts, `${process.pid}\n`);
const turn = starts === "" ? 1 : readFileSync(starts, "utf8").trim().split("\n").length;
/** A fault shows at the first start only, but for those that never get better. */
const isFaulty = turn === 1 || fault.startsWith("always-");
let isHanging = false;

const server = createServer((message, response) => {
  const chunks = [];
  message.on("data", (chunk) => chunks.push(chunk));
  message.on("end", () => {
    if (isHanging) return;
    if (message.url === "/health") return response.end("ok");
    if (message.url === "/fault") {
      response.end("as you wish");
      if (fault === "crash") process.exit(7);
      if (fault === "hang") isHanging = true;
      if (fault === "flood") setInterval(() => process.stdout.write("x".repeat(1024 * 1024)), 1);
      if (fault === "forget") {
        setInterval(() => {}, 1000);
        server.close().closeAllConnections();
      }
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        id: "c",
        object: "chat.completion",
        created: 1,
        model: "x",
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: `${process.pid} ${process.env.SECRET ?? "none"} ${process.env.GIVEN ?? ""}`,
            },
            finish_reason: "stop",
          },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }),
    );
  });
});
if (fault === "always-crash") process.exit(3);
process.stdout.write("starting\n");
server.listen(isFaulty && fault === "wrong-port" ? 0 : Number(process.env.PORT), "127.0.0.1");
