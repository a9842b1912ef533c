/** A credential in a text: characters from `start` up to `end`. */
export type FoundSecret = { readonly start: number; readonly end: number; readonly kind: string };

/** Finds credentials; sorted by where they begin, not overlapping. */
export type FindSecrets = (text: string) => readonly FoundSecret[];

type Report = { readonly range: readonly number[] };

/** What a rule of secretlint is made with and asked for; its own types come with a package of their own. */
type Rule = {
  readonly meta: { readonly id: string };
  create(
    context: {
      createTranslator(messages: unknown): (id: string, data?: unknown) => unknown;
      report(found: Report): void;
      ignore(): void;
    },
    options: object,
  ): { file(source: object): unknown };
};

/** Rules about files rather than texts, or that let a text switch the others off. */
const leftOut = new Set(["filter-comments", "gcp", "npm", "docker"]);
const optionsOf: Readonly<Record<string, object>> = { aws: { enableIDScanRule: true } };

/** Credentials the rules do not know, or only in one form: private keys, tokens for HTTP, Google's API keys, signed tokens, keys of vendors who copy OpenAI's form, and our own. */
const ownPatterns: readonly (readonly [kind: string, pattern: RegExp])[] = [
  // Whole, or cut off in the middle of its lines.
  [
    "privatekey",
    /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]{0,32768}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\\\s]{100,})/g,
  ],
  ["jwt", /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}/g],
  ["bearer", /(?<=\bbearer\s+)[\w.~+/-]{20,}=*/gi],
  ["google", /\bAIza[\w-]{35}(?![\w-])|\bya29\.[\w-]{30,}/g],
  ["api-key", /\bsk-[\w-]{32,}(?![\w-])/g],
  ["trunkline", /\btl-[A-Za-z0-9]{20,}(?![\w-])/g],
];

const kindOf = (id: string) => id.replace(/^@secretlint\/secretlint-rule-/, "");

/** Loads secretlint's recommended rules (MIT), which follow the vendors' published forms of their keys. */
export async function loadFindSecrets(): Promise<FindSecrets> {
  const preset = (await import("@secretlint/secretlint-rule-preset-recommend")) as unknown as {
    rules: readonly Rule[];
  };
  const rules = preset.rules.filter(({ meta }) => !leftOut.has(kindOf(meta.id)));

  return function findSecrets(text) {
    const found: FoundSecret[] = [];
    const source = { content: text, filePath: "answer.txt", ext: ".txt", contentType: "text" };
    for (const rule of rules) {
      const kind = kindOf(rule.meta.id);
      const context = {
        createTranslator: () => (id: string) => ({ message: id, messageId: id }),
        report: ({ range }: Report) => void found.push({ start: range[0]!, end: range[1]!, kind }),
        ignore() {},
      };
      rule.create(context, optionsOf[kind] ?? {}).file(source);
    }
    for (const [kind, pattern] of ownPatterns) {
      for (const match of text.matchAll(pattern))
        found.push({ start: match.index, end: match.index + match[0].length, kind });
    }
    return withoutOverlaps(found);
  };
}

function withoutOverlaps(found: FoundSecret[]): FoundSecret[] {
  const merged: FoundSecret[] = [];
  for (const secret of found.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (last && secret.start < last.end) merged[merged.length - 1] = { ...last, end: Math.max(last.end, secret.end) };
    else merged.push(secret);
  }
  return merged;
}
