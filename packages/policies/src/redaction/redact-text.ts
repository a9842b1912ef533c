import type { FindSecrets } from "./find-secrets.ts";

export type Redactor = {
  /** What of the text so far may be told now. */
  push(text: string): string;
  /** The rest, once there is no more. */
  end(): string;
};

export const replacement = "[redacted]";

/**
 * Beginnings of credentials: a word that begins so, or is itself the beginning of one of these, waits for its end. What the rules know
 * besides is caught by its length.
 */
const openers = [
  "sk-", "sk_", "rk_", "pk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "AKIA", "ASIA", "ABIA", "ACCA", "A3T",
  "xox", "xapp-", "eyJ", "AIza", "ya29.", "tl-", "hf_", "npm_", "SG.", "shpat_", "shpca_", "shppa_", "shpss_", "lin_api_", "ntn_",
  "secret_", "gsk_", "glsa_", "glc_", "dapi", "dckr_pat_", "figd_", "tskey-", "hvs.", "hvb.", "ops_", "whsec_", "https://hooks.slack.com/",
]; // prettier-ignore

/** Characters credentials are made of. */
const word = /[A-Za-z0-9_\-+/=.~:@%$?&#]*$/;
/** From this length on a word may be a credential of any kind, in characters. */
const longWord = 16;
/** Longest text held back: a private key, with room. Past it, what waits is told, without what was found in it. */
const mostHeld = 32 * 1024;
/** Told text kept in view, for rules that look at what stands before. */
const contextLength = 256;

const bearer = /\bbearer\s*$/i;
const keyBegin = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----/;
const keyEnd = /-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----/;
const endsKey = new RegExp(`${keyEnd.source}$`);
const dashes = /-{1,5}$|-----(?:B(?:E(?:G(?:I(?:N[A-Z0-9 ]{0,40}-{0,4})?)?)?)?)?$/;

function mayBegin(candidate: string, isTail: boolean): boolean {
  if (candidate.length >= longWord) return true;
  if (isTail) return false;
  // A word may hold other signs before the credential, as in `key=sk-…`.
  const parts = [candidate, candidate.split(/[=:@/?&#+]/).at(-1)!];
  return parts.some(
    (part) => part !== "" && openers.some((opener) => part.startsWith(opener) || opener.startsWith(part)),
  );
}

/** How much of `pending` must wait, in characters. What was told before it counts: a word may have begun there. */
function heldBack(told: string, pending: string): number {
  const text = told + pending;
  const from = holdFrom(text);
  return Math.min(pending.length, text.length - from);
}

/** Where what must wait begins; the length of the text when nothing must. */
function holdFrom(text: string): number {
  const begin = text.search(keyBegin);
  if (begin >= 0 && !keyEnd.test(text.slice(begin))) return begin;
  const last = word.exec(text)?.[0] ?? "";
  const from = text.length - last.length;
  // The rest of a word that began with a letter of another alphabet, as the e of Grüße.
  const isTail = from > 0 && /\p{L}/u.test(text[from - 1]!);
  const before = bearer.exec(text.slice(0, from));
  if (before) return before.index;
  const dashed = dashes.exec(text);
  // Dashes that end a key begin none.
  const ended = dashed !== null && endsKey.test(text);
  return Math.min(dashed && !ended ? dashed.index : text.length, mayBegin(last, isTail) ? from : text.length);
}

/** Takes credentials out of a text that comes in pieces. Nothing waits but what may yet become one. */
export function createRedactor(find: FindSecrets, onFound: (kind: string) => void, replace = true): Redactor {
  let context = "";
  let pending = "";
  /** In a private key too long to be held: all of it up to its end is left out. */
  let insideKey = false;

  function tell(upTo: number): string {
    if (upTo === 0) return "";
    const text = pending.slice(0, upTo);
    const rest = pending.slice(upTo);
    let told = text;
    // The rules take their time: only texts in which something could be one are shown to them.
    if (/[A-Za-z0-9_\-+/=.~]{16}|-----BEGIN/.test(context + text)) told = clean(text);
    context = (context + text).slice(-contextLength);
    pending = rest;
    return told;
  }

  /** Drops what is still the key's; true once its end has come. */
  function leaveKey(): boolean {
    const end = keyEnd.exec(pending);
    insideKey = end === null;
    // The end itself may be cut in two.
    pending = end === null ? pending.slice(-64) : pending.slice(end.index + end[0].length);
    return !insideKey;
  }

  function clean(text: string): string {
    const offset = context.length;
    let out = "";
    let from = 0;
    for (const { start, end, kind } of find(context + text)) {
      if (end <= offset) continue;
      onFound(kind);
      if (!replace) continue;
      out += text.slice(from, Math.max(from, start - offset)) + replacement;
      from = end - offset;
    }
    return out + text.slice(from);
  }

  return {
    push(text) {
      pending += text;
      if (insideKey && !leaveKey()) return "";
      const held = heldBack(context, pending);
      const from = pending.length - held;
      if (held <= mostHeld) return tell(from);
      if (!replace || !keyBegin.test(pending.slice(from))) return tell(pending.length);
      const told = tell(from);
      onFound("privatekey");
      insideKey = true;
      leaveKey();
      return told + replacement;
    },
    end() {
      if (insideKey) leaveKey();
      return insideKey ? "" : tell(pending.length);
    },
  };
}

/** The same for a text that is whole. */
export function redactText(text: string, find: FindSecrets, onFound: (kind: string) => void, replace = true): string {
  const redactor = createRedactor(find, onFound, replace);
  return redactor.push(text) + redactor.end();
}
