import {
  closeCodes,
  firstWindow,
  gatewayFrames,
  longestFrame,
  mostBodyBytes,
  sharedFrames,
  subprotocols,
  tokenSubprotocol,
  uncounted,
  workerFrames,
} from "@trunkline/workers";
import { z } from "zod";
import { made, table } from "./table.ts";

type JsonSchema = {
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
};

function schemaOf(frame: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(frame, { io: "input" }) as JsonSchema & { $schema?: string };
  return schema;
}

function section(name: string, frame: z.ZodType, by: string): string {
  const schema = schemaOf(frame);
  const { description = "", ...rest } = schema;
  const members = Object.entries(schema.properties ?? {})
    .filter(([member]) => member !== "type")
    .map(([member, { description: what = "" }]) => [
      `\`${member}\``,
      schema.required?.includes(member) ? "yes" : "no",
      what,
    ]);
  const described = members.some(([, , what]) => what !== "")
    ? `\n\n${table(["Member", "Required", "What it says"], members)}`
    : "";
  const counted = uncounted.has(name) ? "Not counted." : "Counted.";
  return `### \`${name}\`\n\nSent by ${by}. ${counted} ${description}${described}\n\n\`\`\`json\n${JSON.stringify(rest, null, 2)}\n\`\`\``;
}

const sections = (frames: Readonly<Record<string, z.ZodType>>, by: string) =>
  Object.entries(frames)
    .map(([name, frame]) => section(name, frame, by))
    .join("\n\n");

/** The protocol between the gateway and its workers, with every frame. */
export function workersPage(): string {
  const kib = (bytes: number) => `${bytes / 1024} KiB`;
  const codes: Record<keyof typeof closeCodes, string> = {
    done: "By the gateway: drained, as the worker wished. By the worker: the session is over.",
    goingAway: "The gateway, or this process of it, stops. Come back after a while.",
    malformed: "A frame broke the protocol; the reason says which and how. The session is gone.",
    flow: "More of a body came than was granted. The session is gone.",
    silent: "No hello came in time, or the session was given up.",
    replaced: "The session goes on over another connection of the same worker.",
  };
  return `${made}# The workers' protocol

A worker connects to the gateway and makes HTTP requests for it: from another network, or from a page of a browser that is signed in somewhere.
This page says everything a worker has to know; \`examples/worker/worker.py\` is one in about a hundred lines. To use the workers that come with
Trunkline, read [the guide](../guides/workers.md) instead.

## Connecting

- A WebSocket (RFC 6455) to \`/v1/workers\` at the gateway's address, without compression.
- \`Authorization: Bearer <worker token>\`. Tokens are made with \`npx trunkline workers add NAME\`; the name is the one providers ask workers by (\`worker:\`). A client
  that cannot set headers, such as a page, offers the token as a second subprotocol: \`${tokenSubprotocol}<worker token>\`. 401 refuses a wrong token.
- The subprotocol \`${subprotocols[0]}\` is offered, and chosen by the gateway. Its number is the version; a worker may offer several and speaks the one that was
  chosen. 426 says that the gateway speaks none of them.

## Frames

Text frames are JSON objects with a member \`type\`, at most ${kib(longestFrame)} long. A member that is not in a frame's schema breaks the protocol. Binary frames carry bodies: four bytes with the
request's number (unsigned, big-endian), then 1 to ${mostBodyBytes} bytes of its body.

1. The worker says \`hello\`, the gateway answers \`welcome\`. Nothing else is sent before.
2. The gateway sends \`request\`, at most as many at once as the worker's \`capacity\`; then, if \`body\` is true, the body in binary frames, and \`body_end\`.
3. The worker makes the request and sends \`response\`, the answer's body in binary frames as it comes, and \`end\`. Or, at any time before \`end\`, \`error\`.
4. \`cancel\` takes a request back. The worker stops, sends no more of its body, and says \`error\` with the code \`cancelled\` (or \`end\`, if it had just ended).

The worker decides where a request goes: \`path\` holds path and query only. Requests do not wait for each other; their frames may come in any mixture.

### Several processes

A gateway may be several processes behind one port (\`processes\` in \`welcome\`), and each asks the workers connected to it. A connection reaches any of them: a worker that wants to serve all
connects until it has a session at every \`process\`, and closes with 1000 those that reach one it has already. Each process asks it for its share of \`capacity\`.

### Credit

Either side may send \`window\` bytes of each body (${kib(firstWindow)}, as \`welcome\` says) before it is granted more. A receiver grants what it has used up with \`credit\`. Nobody has to wait for a
slow reader anywhere but at the sender, and nothing piles up in between. More than was granted breaks the protocol.

### Counting, and going on after a loss

Both sides count the frames they receive, from 1, over the whole session: every binary frame, and every text frame but ${[...uncounted].map((name) => `\`${name}\``).join(", ")}.
\`ack\` tells the other side how many it were, at least every 64 counted frames and every second in which some came. A sender keeps what is not acknowledged.

A connection that is lost is not the end of its session. Within \`resume_seconds\` the worker connects anew and says \`hello\` with
\`resume: {session, received}\`, \`received\` being the number of counted frames it has had. When \`welcome\` says \`resumed: true\`, each side sends again what the other has not had,
in order, and goes on. With \`resumed: false\` the session is new: forget everything of the old one. A worker need not resume: a plain \`hello\` begins a new session, and
what ran in the old one fails once \`resume_seconds\` are over.

\`ping\` is answered by \`pong\`. A side that hears nothing for twice \`ping_seconds\` takes the connection for lost.

### When it ends

${table(
  ["Close code", "What it says"],
  Object.entries(closeCodes).map(([name, code]) => [String(code), codes[name as keyof typeof closeCodes]]),
)}

A worker that breaks the protocol is cut off: its session is closed, and the requests it had fail, or are made by another worker when nothing of their answers had been seen.
A worker that wants to stop sends \`drain\`, ends what it has, and is closed with ${closeCodes.done}.

## Frames of the worker

${sections(workerFrames, "the worker")}

## Frames of the gateway

${sections(gatewayFrames, "the gateway")}

## Frames of both

${sections(sharedFrames, "either side")}
`;
}
