/** What stands for a secret. */
export const mask = "••••••••";

const secretName = /(?:^|_)(?:key|secret|password|token|cookie|credential)s?$/i;
/** Names that look like secrets and are none. */
const harmless = /(?:max|min|count|input|output)_tokens?$|^(?:api_key_header|key)$/i;
const isReference = (value: string) => /^\$\{[A-Za-z_][A-Za-z0-9_]*(?::-)?\}$/.test(value);

function isSecret(name: string): boolean {
  return secretName.test(name) && !harmless.test(name);
}

export function isMask(value: unknown): boolean {
  return typeof value === "string" && value.includes(mask);
}

/** A configuration without its secrets; the name of an environment variable is none. */
export function masked(value: unknown, name = "", isWithin = false): unknown {
  if (typeof value === "string")
    return (isSecret(name) || isWithin) && value !== "" && !isReference(value) ? mask : withoutPassword(value);
  if (Array.isArray(value)) return value.map((item) => masked(item, name, isWithin));
  if (typeof value !== "object" || value === null) return value;
  // Headers and a child's environment are where keys are put that have no member of their own.
  const holdsSecrets = /^(?:headers|env|environment)$/.test(name);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, masked(member, key, holdsSecrets || isWithin)]),
  );
}

/** An address with a name and password in it, without the password. */
function withoutPassword(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@\s:]+):[^@/\s]+@/i, `$1:${mask}@`);
}

/** The lines of a configuration file, without its secrets. */
export function maskedText(text: string): string {
  return text.replaceAll(
    /^(\s*(?:-\s+)?["']?([\w-]+)["']?:[ \t]+)(\S.*)$/gm,
    (_line, start: string, name: string, value: string) => {
      const bare = value.replace(/\s+#.*$/, "").replace(/^(["'])(.*)\1$/, "$2");
      if (isSecret(name) && !isReference(bare) && !/^[[{|>]/.test(bare)) return `${start}${mask}`;
      return start + value.replace(bare, withoutPassword(bare));
    },
  );
}
