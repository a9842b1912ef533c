import { createServer, type ServerResponse } from "node:http";
import { fixtures } from "@trunkline/testkit";

/** Bytes of the answer of the model `large`. */
export const largeSize = 28 * 1024 * 1024;

const pieces = fixtures["openai-chat"].text.sse.split(/(?<=\n\n)/);

export type Site = {
  readonly origin: string;
  /** Answers that wait: each `next` sends one more piece of the oldest. */
  readonly open: { next(): void; finish(): void }[];
  /** Requests to the API so far, with whether each was signed in. */
  readonly asked: { readonly user: string | undefined; readonly body: string; readonly origin: string | undefined }[];
  /** Answers the browser broke off. */
  aborted: number;
  /** Bytes of the large answer that have been taken off the site's hands. */
  sent: number;
  /** While true, nobody is signed in any more. */
  isSignedOut: boolean;
  close(): Promise<void>;
};

const cookieOf = (header: string | undefined) => /(?:^|;\s*)who=(\w+)/.exec(header ?? "")?.[1];

const loginPage = `<!doctype html><title>Sign in</title><form method="post" action="/login"><input name="user" value="ada"><button>Sign in</button></form>
<script>document.forms[0].submit()</script>`;
const homePage = `<!doctype html><title>The site</title><h1>Signed in</h1>`;

/** A site that knows its visitors by a cookie. Its sign-in page is filled in by a person in a hurry: itself. */
export async function startSite(): Promise<Site> {
  const site: Site = {
    origin: "",
    open: [],
    asked: [],
    aborted: 0,
    sent: 0,
    isSignedOut: false,
    close: async () => {},
  };

  function stream(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.on("close", () => {
      if (!response.writableFinished) site.aborted++;
    });
    let at = 0;
    const next = () => void response.write(pieces[at++]!);
    site.open.push({
      next,
      finish() {
        while (at < pieces.length) next();
        response.end();
      },
    });
  }

  /** As much as is taken, and no more. */
  function large(response: ServerResponse, size: number): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const content = "x".repeat(30_000);
    const chunk = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "x", choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
    const more = () => {
      while (site.sent < size) {
        site.sent += chunk.length;
        if (!response.write(chunk)) return void response.once("drain", more);
      }
      response.end(pieces.slice(-3).join(""));
    };
    more();
  }

  const server = createServer((message, response) => {
    const path = message.url!.split("?")[0]!;
    const user = site.isSignedOut ? undefined : cookieOf(message.headers.cookie);
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      if (path === "/login" && message.method === "POST")
        return response
          .writeHead(303, { location: "/", "set-cookie": "who=ada; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict" })
          .end();
      if (path === "/login") return response.writeHead(200, { "content-type": "text/html" }).end(loginPage);
      if (user === undefined) return response.writeHead(303, { location: "/login" }).end();
      if (path === "/favicon.ico") return response.writeHead(204).end();
      if (path === "/") return response.writeHead(200, { "content-type": "text/html" }).end(homePage);
      site.asked.push({ user, body, origin: message.headers.origin });
      const json = (value: unknown) =>
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
      if (path === "/api/v1/models") return json({ data: [{ id: "x" }] });
      const { stream: isStream, model } = JSON.parse(body) as { stream?: boolean; model: string };
      if (model === "large") return large(response, largeSize);
      if (isStream) return stream(response);
      return json(fixtures["openai-chat"].text.json);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(site, {
    origin: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
