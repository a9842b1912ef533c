import { setTimeout as wait } from "node:timers/promises";
import { GatewayError, type AlertChannel, type ChannelKind } from "@trunkline/contracts";
import { createWebhookSender, newWebhookSecret, signedHeaders, type WebhookSender } from "@trunkline/jobs";
import { z } from "zod";
import { mask } from "../config/masked.ts";
import { version } from "../version.ts";

/** What is told, whoever hears it. */
export type Message = {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly title: string;
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
};

const address = z.url({ protocol: /^https?$/, error: "is no http or https address" });
const addresses = z
  .string()
  .regex(/^[^\s@,]+@[^\s@,]+(?:\s*,\s*[^\s@,]+@[^\s@,]+)*$/, "is no e-mail address, nor several with commas between");

const settingsOf = {
  webhook: z.strictObject({ url: address, secret: z.string().startsWith("whsec_").default(newWebhookSecret) }),
  slack: z.strictObject({ url: address }),
  discord: z.strictObject({ url: address }),
  teams: z.strictObject({ url: address }),
  email: z.strictObject({
    to: addresses,
    from: addresses,
    host: z.string().min(1),
    port: z
      .string()
      .regex(/^\d{1,5}$/)
      .default("587"),
    user: z.string().optional(),
    password: z.string().optional(),
  }),
} as const satisfies Record<ChannelKind, z.ZodType>;

/** Settings of a channel, checked. Throws GatewayError. */
export function readSettings(kind: ChannelKind, given: Readonly<Record<string, string>>): Record<string, string> {
  const result = settingsOf[kind].safeParse(given);
  if (result.success) return result.data as Record<string, string>;
  const issue = result.error.issues[0]!;
  const name = issue.code === "unrecognized_keys" ? issue.keys[0]! : issue.path.join(".");
  const why = issue.code === "unrecognized_keys" ? "is not known" : issue.message;
  throw new GatewayError("invalid_request", `'settings.${name}' ${why}.`, { parameter: `settings.${name}` });
}

/** Settings to be looked at: whoever knows the address of a chat's hook may write there. */
export function maskedSettings({ kind, settings }: AlertChannel): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      if (name === "password" || name === "secret") return [name, mask];
      if (name !== "url") return [name, value];
      const { origin, pathname } = new URL(value);
      return [name, kind === "webhook" ? `${origin}${pathname}` : `${origin}/${mask}`];
    }),
  );
}

const slackEscapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const forSlack = (text: string) => text.replaceAll(/[&<>]/g, (character) => slackEscapes[character]!);
/** What a chat shows at the most. */
const longest = 1800;

function bodyOf(kind: Exclude<ChannelKind, "email">, message: Message): object {
  const { id, title, at, subject } = message;
  const text = message.text.slice(0, longest);
  switch (kind) {
    case "webhook":
      return {
        type: `alert.${message.kind}`,
        timestamp: new Date(at).toISOString(),
        data: { id, kind: message.kind, subject, title, text: message.text },
      };
    case "slack":
      return { text: `*${forSlack(title)}*\n${forSlack(text)}` };
    case "discord":
      // A model's name may hold an @everyone.
      return { content: `**${title}**\n${text}`, allowed_mentions: { parse: [] } };
    case "teams":
      return {
        type: "message",
        attachments: [
          {
            contentType: "application/vnd.microsoft.card.adaptive",
            content: {
              $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
              type: "AdaptiveCard",
              version: "1.4",
              body: [
                { type: "TextBlock", text: title, weight: "Bolder", wrap: true },
                { type: "TextBlock", text, wrap: true },
              ],
            },
          },
        ],
      };
  }
}

async function mail(settings: Readonly<Record<string, string>>, message: Message, timeoutMs: number): Promise<void> {
  // Loaded with the first message.
  const { createTransport } = await import("nodemailer");
  const port = Number(settings["port"]);
  const transport = createTransport({
    host: settings["host"]!,
    port,
    secure: port === 465,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    ...(settings["user"] === undefined ? {} : { auth: { user: settings["user"], pass: settings["password"] ?? "" } }),
    // A password is not sent in the clear, but for a server on this machine.
    requireTLS: settings["user"] !== undefined && !/^(?:localhost|127\.|::1)/.test(settings["host"]!) && port !== 465,
  });
  try {
    await transport.sendMail({
      from: settings["from"]!,
      to: settings["to"]!,
      subject: `Trunkline: ${message.title}`,
      text: `${message.text}\n\n${new Date(message.at).toISOString()}\n`,
      headers: { "x-trunkline-alert": message.kind },
    });
  } finally {
    transport.close();
  }
}

export type Channels = {
  /** Null when it arrived; else what went wrong. */
  send(channel: AlertChannel, message: Message): Promise<string | null>;
  close(): Promise<void>;
};

/** Channels are the operator's own choice: addresses on private networks are theirs to name. */
const anywhere = ["0.0.0.0/0", "::/0"];
const betweenTriesMs = 1000;

export function createChannels(options: () => { readonly timeoutMs: number; readonly attempts: number }): Channels {
  let sender: WebhookSender | undefined;

  async function deliver({ kind, settings }: AlertChannel, message: Message): Promise<string | null> {
    const { timeoutMs } = options();
    if (kind === "email")
      return mail(settings, message, timeoutMs).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
    sender ??= createWebhookSender({ timeoutMs, allow: anywhere, agentName: `Trunkline/${version}` });
    const body = JSON.stringify(bodyOf(kind, message));
    const headers =
      kind === "webhook" ? signedHeaders([settings["secret"]!], message.id, Math.floor(Date.now() / 1000), body) : {};
    const delivery = await sender.send(settings["url"]!, body, headers);
    return delivery.isDelivered ? null : delivery.error;
  }

  return {
    async send(channel, message) {
      let problem: string | null = null;
      for (let turn = 1; turn <= options().attempts; turn++) {
        if (turn > 1) await wait(betweenTriesMs * turn);
        problem = await deliver(channel, message);
        if (problem === null) return null;
      }
      return problem;
    },
    close: async () => sender?.close(),
  };
}
