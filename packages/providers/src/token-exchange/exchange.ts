import { createHash } from "node:crypto";
import { GatewayError, parseJson, type KeptCredential } from "@trunkline/contracts";
import { skewOf } from "../credentials/clock-skew.ts";
import { CredentialRefused, type Renewed } from "../credentials/kept-token.ts";
import { secureAddress } from "../credentials/secure-address.ts";
import { gather } from "../http1/gather.ts";
import { claimsOf, fieldOf, fill, fillAll } from "./template.ts";

/** How a long-lived credential is exchanged for a token. Texts may hold `{credential}` and `{credential.path}`. */
export type ExchangeSettings = {
  readonly provider: string;
  readonly url: string;
  readonly method: "GET" | "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly json: unknown;
  readonly form: Readonly<Record<string, string>> | undefined;
  /** Where the token stands in the answer. */
  readonly token: string;
  /** Where its life in seconds stands, or its end in seconds since the epoch; else the token is a JWT with `exp`, or holds for ever. */
  readonly expiresIn: string | undefined;
  readonly expiresAt: string | undefined;
  /** Where the credential that replaces this one stands, where each exchange brings a new one. */
  readonly rotated: string | undefined;
};

const timeoutMs = 20_000;
const largestAnswer = 1024 * 1024;

/** A credential that has not been exchanged yet. `origin` tells those of the configuration apart. */
export function unexchanged(credential: string, isConfigured: boolean, now: number): KeptCredential {
  return {
    accessToken: null,
    expiresAt: null,
    obtainedAt: now,
    renewal: credential,
    scope: null,
    subject: null,
    origin: isConfigured ? createHash("sha256").update(credential).digest("hex") : null,
  };
}

/** One exchange. Throws CredentialRefused where the other side takes the credential no more. */
export async function exchangeToken(
  settings: ExchangeSettings,
  kept: KeptCredential,
  now: () => number,
): Promise<Renewed> {
  const credential = kept.renewal!;
  const { headers, status, text } = await ask(settings, credential);
  // Never the answer's text: it may hold tokens.
  if (status === 400 || status === 401 || status === 403)
    throw new CredentialRefused(`the exchange refused the credential with status ${status}`);
  if (status < 200 || status > 299)
    throw new GatewayError("upstream_error", `The token exchange of '${settings.provider}' answered ${status}.`);
  const answer = { headers, body: parseJson(text) };
  const token = fieldOf(answer, settings.token);
  if (typeof token !== "string" || token === "")
    throw new GatewayError(
      "upstream_bad_response",
      `The token exchange of '${settings.provider}' answered without '${settings.token}'.`,
    );
  const obtainedAt = now();
  const skewMs = skewOf(headers, obtainedAt) ?? 0;
  const rotated = settings.rotated === undefined ? undefined : fieldOf(answer, settings.rotated);
  return {
    skewMs,
    credential: {
      ...kept,
      accessToken: token,
      expiresAt: endOf(settings, answer, token, obtainedAt, skewMs),
      obtainedAt,
      renewal: typeof rotated === "string" && rotated !== "" ? rotated : credential,
    },
  };
}

/** By this machine's clock: what the other side says in its own time is moved by what its clock is ahead. */
function endOf(
  settings: ExchangeSettings,
  answer: Parameters<typeof fieldOf>[0],
  token: string,
  obtainedAt: number,
  skewMs: number,
): number | null {
  const life = settings.expiresIn === undefined ? undefined : Number(fieldOf(answer, settings.expiresIn));
  if (life !== undefined && Number.isFinite(life)) return obtainedAt + life * 1000;
  const told = settings.expiresAt === undefined ? claimsOf(token)?.["exp"] : fieldOf(answer, settings.expiresAt);
  const end = typeof told === "string" && Number.isNaN(Number(told)) ? Date.parse(told) : Number(told) * 1000;
  return told === undefined || told === null || !Number.isFinite(end) ? null : end - skewMs;
}

async function ask(
  { url, method, headers, json, form, provider }: ExchangeSettings,
  credential: string,
): Promise<{ headers: Headers; status: number; text: string }> {
  const filled = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), fill(value, credential)] as const);
  const body =
    form !== undefined
      ? new URLSearchParams(Object.entries(form).map(([name, value]) => [name, fill(value, credential)]))
      : json !== undefined
        ? JSON.stringify(fillAll(json, credential))
        : undefined;
  const address = secureAddress(fill(url, credential, encodeURIComponent)).url;
  try {
    const answer = await fetch(address, {
      method,
      // A credential goes where it was meant for and no further.
      redirect: "error",
      headers: { ...(json === undefined ? {} : { "content-type": "application/json" }), ...Object.fromEntries(filled) },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body }),
    });
    const gathered = gather(largestAnswer);
    for await (const piece of answer.body ?? [])
      if (!gathered.add(Buffer.from(piece as Uint8Array))) throw new Error("the answer is too large");
    return { headers: answer.headers, status: answer.status, text: gathered.whole().toString("utf8") };
  } catch (error) {
    throw new GatewayError(
      "upstream_unreachable",
      `The token exchange of '${provider}' cannot be reached, redirects, or does not answer.`,
      { cause: error },
    );
  }
}
