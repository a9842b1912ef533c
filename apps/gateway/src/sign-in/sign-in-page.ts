import { createHash } from "node:crypto";

const style = `body{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center;background:#f6f7f9;color:#1c2330}
main{max-width:32rem;margin:1rem;padding:2rem;background:#fff;border:1px solid #dfe3ea;border-radius:12px}
h1{font-size:1.25rem;margin:0 0 .5rem}p{margin:.5rem 0 0}code{background:#eef1f5;border-radius:4px;padding:.1rem .3rem;overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){body{background:#12151b;color:#e6e9ef}main{background:#1a1f28;border-color:#2c3442}code{background:#262d39}}`;

/** The page's own style and nothing else. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; frame-ancestors 'none'`;

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character]!);

/** What a person sees in the browser at the end of a sign-in. Backticks in a text stand for code. */
export function signInPage(title: string, text: string): string {
  const body = escaped(text).replace(/`([^`]+)`/g, "<code>$1</code>");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)} · Trunkline</title>
<style>${style}</style></head><body><main><h1>${escaped(title)}</h1><p>${body}</p></main></body></html>
`;
}
