import { asObject, asString, GatewayError, isObject, parseJson } from "@trunkline/contracts";

/** The claims of a JWT, unchecked: it is only read to be sent on, or to know when it ends. Undefined when it is none. */
export function claimsOf(token: string): Record<string, unknown> | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  const value = parseJson(Buffer.from(parts[1]!, "base64url").toString("utf8"));
  return isObject(value) ? value : undefined;
}

/** A member of nested objects and lists, by a path such as `data.tokens.0.jwt`. */
export function memberAt(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((at, name) => {
    if (Array.isArray(at)) return at[Number(name)];
    return isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }, value);
}

/**
 * Puts a credential into a text: `{credential}` whole, `{credential.path}` a member of it, where it is a JWT (one of its claims) or JSON.
 * `{{` and `}}` stand for the braces. Throws GatewayError for a member that is not there.
 */
export function fill(template: string, credential: string, encode: (text: string) => string = (text) => text): string {
  return template.replace(/\{\{|\}\}|\{credential(?:\.([\w.-]+))?\}/g, (whole, path: string | undefined) => {
    if (whole === "{{") return "{";
    if (whole === "}}") return "}";
    if (path === undefined) return encode(credential);
    const value = memberAt(claimsOf(credential) ?? asObject(parseJson(credential)), path);
    if (typeof value !== "string" && typeof value !== "number")
      throw new GatewayError(
        "provider_unavailable",
        `The credential holds no '${path}': it is neither a JWT with that claim nor JSON with that member.`,
      );
    return encode(String(value));
  });
}

/** The same for every text in a value. */
export function fillAll(value: unknown, credential: string): unknown {
  if (typeof value === "string") return fill(value, credential);
  if (Array.isArray(value)) return value.map((item) => fillAll(item, credential));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fillAll(member, credential)]));
}

/** Where a field of an answer stands: a path into its JSON, `header:NAME`, or `cookie:NAME`. */
export function fieldOf(answer: { readonly headers: Headers; readonly body: unknown }, place: string): unknown {
  const [, kind, name] = /^(header|cookie):(.+)$/.exec(place) ?? [];
  if (kind === "header") return answer.headers.get(name!) ?? undefined;
  if (kind !== "cookie") return memberAt(answer.body, place);
  const cookie = answer.headers.getSetCookie().find((line) => line.startsWith(`${name}=`));
  return asString(cookie?.slice(name!.length + 1).split(";")[0]);
}
