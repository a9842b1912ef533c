import { stripAnsi } from "../process/parse-events.ts";

const longest = 400;

/** A path of this machine, of two folders at least, or one in a user's or the system's own folders. */
const paths = /(?:file:\/\/|(?<![\w:/.]))(?:\/[\w.@+-]+){2,}\/?|(?:file:\/\/)?[A-Za-z]:\\[^\s"'<>|]+/g;
const stackLines = /^\s*(?:at\s+(?:async\s+)?\S.*|\d+: .*::.*|\s*at \S+:\d+(?::\d+)?)$/gm;

/** What a program said, fit for a client: no escape sequences, stack traces, paths of this machine or values of its environment. */
export function cleanText(text: string, secrets: Iterable<string> = []): string {
  let clean = stripAnsi(text).replace(stackLines, "");
  for (const secret of secrets) if (secret.length >= 6) clean = clean.replaceAll(secret, "[redacted]");
  clean = clean
    .replace(/(?:\bhttps?:\/\/)?(?:\b127\.0\.0\.1\b|\blocalhost\b|\[::1\])(?::\d+)?[^\s,;)"']*/g, "[address]")
    .replace(paths, "[path]")
    .replace(/\s+/g, " ")
    .trim();
  return clean.length > longest ? `${clean.slice(0, longest)}…` : clean;
}
