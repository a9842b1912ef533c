import { GatewayError, type ErrorCode } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { cleanText } from "./clean-text.ts";
import { resetTime } from "./reset-time.ts";

/** A failure as a program told it: any of these may be missing. */
export type ProgramFailure = {
  readonly provider: string;
  readonly program: string;
  /** The status the vendor's server answered the program with. */
  readonly status?: number | undefined;
  /** The program's or the server's word for it. */
  readonly type?: string | undefined;
  readonly text: string;
  readonly secrets?: Iterable<string>;
  readonly now: number;
  /** When the account's window resets, if a quota event told. */
  readonly resetsAt?: number | undefined;
};

type Pattern = readonly [RegExp, ErrorCode];

/** What programs say, in the order in which it is looked for. Words of the vendors; a new sentence is a new row. */
const sentences: readonly Pattern[] = [
  [
    /not logged in|please run \/login|please (?:log|sign) in|login required|sign(?:ed)? out|invalid api key|oauth token (?:has )?(?:expired|been revoked|revoked)|token (?:has been )?(?:revoked|invalidated)|authentication_?(?:failed|error|required)|unauthorized|unauthenticated|refresh token|api.?key.?(?:not valid|invalid)|set an auth method|IneligibleTier|account_on_hold|verification_required|oauth_org_not_allowed/i,
    "account_signed_out",
  ],
  [
    /out of extra usage|extra usage (?:is )?required|draw from your extra usage|credit balance|billing_error|insufficient[_ ]quota|out of credits|payment required|exceeded your current quota/i,
    "upstream_quota_exceeded",
  ],
  [
    /(?:hit|reached|exceeded|exhausted) (?:your|the) [\w\s-]*\b(?:limit|quota|capacity)\b|usage ?limit|limit reached|TerminalQuotaError|daily (?:quota|limit)|quota (?:will )?reset|exhausted your capacity/i,
    "account_quota_exceeded",
  ],
  [
    /prompt is too long|context (?:window|length)[\w\s]*(?:exceed|full|ran out)|contextWindowExceeded|maximum context|too many tokens|input (?:is )?too long/i,
    "context_length_exceeded",
  ],
  [/rate.?limit|too many requests|\b429\b|RetryableQuota|resource.?exhausted|slow down/i, "upstream_rate_limited"],
  [/overloaded|high demand|\b529\b|at capacity|server.?overloaded/i, "upstream_overloaded"],
  [
    /model[\w\s`'"./-]*(?:not found|does not exist|not supported|not available)|model_not_found|unknown model/i,
    "upstream_not_found",
  ],
  [/timed? ?out|idle timeout|deadline/i, "upstream_timeout"],
  [
    /ECONNREFUSED|ENOTFOUND|ECONNRESET|EAI_AGAIN|connection (?:error|failed|refused|reset)|error sending request|fetch failed|network/i,
    "upstream_unreachable",
  ],
  [/stream disconnected|ended (?:early|before)|premature/i, "upstream_ended_early"],
];

/** Codes a sentence decides although the status says something coarser. */
const byWord: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "account_quota_exceeded",
  "upstream_quota_exceeded",
  "context_length_exceeded",
]);

function codeOf({ status, type = "", text }: ProgramFailure): ErrorCode {
  const said = sentences.find(([pattern]) => pattern.test(`${type} ${text}`))?.[1];
  if (said !== undefined && byWord.has(said)) return said;
  if (status === 401 || status === 403) return "account_signed_out";
  if (status === undefined || status === 0) return said ?? "upstream_error";
  const body = JSON.stringify({ error: { type, message: text } });
  return dialects["anthropic-messages"].decodeError({ status, retryAfterMs: undefined, body }).code;
}

const openings: Partial<Record<ErrorCode, (program: string, provider: string) => string>> = {
  account_signed_out: (program, provider) =>
    `The gateway's ${program} account is signed out; your own key is fine. The operator must run \`trunkline accounts login ${provider}\`.`,
  account_quota_exceeded: (program) => `The plan limit of the gateway's ${program} account is used up.`,
  upstream_quota_exceeded: (program) => `The gateway's ${program} account is out of credit for usage beyond its plan.`,
  upstream_rate_limited: (program) => `The vendor's rate limit for ${program} is reached.`,
  upstream_overloaded: (program) => `The vendor of ${program} is overloaded.`,
  upstream_unreachable: (program) => `${program} could not reach its vendor.`,
  upstream_timeout: (program) => `${program} got no answer from its vendor in time.`,
  upstream_not_found: (program) => `${program} does not know this model.`,
  upstream_ended_early: (program) => `The vendor's answer to ${program} broke off.`,
  upstream_error: (program) => `${program} failed.`,
};

/** How long an account rests when nobody told when its window resets, in milliseconds. */
const unknownResetMs = 15 * 60_000;
const rateLimitMs = 10_000;

/** The failure as one of our errors, with its own code, when to come back, and nothing of this machine in its text. */
export function programError(failure: ProgramFailure): GatewayError {
  const { provider, program, status, type, now } = failure;
  const code = codeOf(failure);
  const said = cleanText(failure.text, failure.secrets);
  const resets = resetTime(failure.text, now) ?? failure.resetsAt;
  const opening = openings[code]?.(program, provider);
  const message =
    opening === undefined ? said || `${program} failed.` : said === "" ? opening : `${opening} It said: ${said}`;
  const retryAfterMs =
    code === "account_quota_exceeded"
      ? Math.max(1000, (resets ?? now + unknownResetMs) - now)
      : code === "upstream_rate_limited"
        ? Math.max(1000, resets === undefined ? rateLimitMs : resets - now)
        : undefined;
  return new GatewayError(code, message, {
    ...(status ? { upstreamStatus: status } : {}),
    ...(type ? { upstreamType: type } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** A program that ended without telling why. Its standard error may. */
export function crashed(
  failure: Omit<ProgramFailure, "text">,
  end: { code: number | null; signal: string | null; stderr: string },
): GatewayError {
  const stderr = end.stderr.trim();
  const told = stderr !== "" && sentences.some(([pattern]) => pattern.test(stderr));
  if (told) return programError({ ...failure, text: lastLines(stderr) });
  const how = end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`;
  const said = stderr === "" ? "" : ` It said: ${cleanText(lastLines(stderr), failure.secrets)}`;
  return new GatewayError("program_crashed", `${failure.program} ended unexpectedly (${how}).${said}`);
}

function lastLines(text: string): string {
  return text.split("\n").slice(-12).join("\n").slice(-2000);
}
