import { lookup as dnsLookup, type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { GatewayError } from "@trunkline/contracts";
import ipaddr from "ipaddr.js";
import type { Agent } from "undici";

export type GuardedFetchOptions = {
  /** Largest file, in bytes. */
  readonly maxBytes: number;
  /** Longest time for one file with its redirects, in milliseconds. */
  readonly timeoutMs: number;
  /** Address ranges allowed although they are private, in CIDR notation: an operator's own image server. */
  readonly allow: readonly string[];
};

export type FetchedFile = { readonly mediaType: string; readonly data: Buffer };
export type GuardedFetch = { fetch(url: string, signal: AbortSignal): Promise<FetchedFile>; close(): Promise<void> };

const mostRedirects = 3;

/** True for an address of the public internet, or one the operator allowed. IPv4 hidden in IPv6 is judged as IPv4. */
export function isPublicAddress(address: string, allow: readonly string[] = []): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  for (const range of allow) {
    const [network, bits] = ipaddr.parseCIDR(range);
    if (network.kind() === parsed.kind() && parsed.match(network, bits)) return true;
  }
  if (parsed.kind() === "ipv6") {
    const groups = (parsed as ipaddr.IPv6).parts;
    // 64:ff9b::/96 (NAT64) and 2002::/16 (6to4) carry an IPv4 address that would be reached.
    const embedded =
      groups[0] === 0x64 && groups[1] === 0xff9b
        ? groups.slice(6)
        : groups[0] === 0x2002
          ? groups.slice(1, 3)
          : undefined;
    if (embedded) return isPublicAddress(embedded.map((group) => `${group >> 8}.${group & 255}`).join("."), allow);
  }
  return parsed.range() === "unicast";
}

function blocked(url: string): GatewayError {
  return new GatewayError(
    "media_not_fetched",
    `The address of '${url.slice(0, 200)}' is not on the public internet and is not fetched. Send the file inline instead.`,
  );
}

/** Looks names up for connections, and refuses those that stand for an address that is not public. */
export function guardedLookup(allow: readonly string[]): LookupFunction {
  return (hostname, lookupOptions, callback) => {
    dnsLookup(hostname, { ...lookupOptions, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      const list = addresses as LookupAddress[];
      if (list.length === 0 || !list.every(({ address }) => isPublicAddress(address, allow)))
        return callback(blocked(hostname), "", 0);
      if (lookupOptions.all) return callback(null, list as unknown as string, 0);
      callback(null, list[0]!.address, list[0]!.family);
    });
  };
}

/** An http or https address. Throws GatewayError for another, and for a literal one that is not public: it is never looked up. */
export function checkAddress(url: string, allow: readonly string[]): URL {
  const parsed = URL.parse(url);
  if (!parsed || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) {
    throw new GatewayError("media_not_fetched", `'${url.slice(0, 200)}' is not an http or https address.`);
  }
  const literal = parsed.hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) && !isPublicAddress(literal, allow)) throw blocked(url);
  return parsed;
}

/**
 * Fetches a file a client named by URL, without letting it reach into the gateway's own network: the addresses a name resolves to are
 * judged at the moment of connecting (so a name that changes between look-up and connection gains nothing), again for every redirect.
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const lookup = guardedLookup(options.allow);
  let agent: Agent | undefined;

  /** Loaded at the first file: most gateways never fetch one, and it is the largest library there is here. */
  async function load() {
    const { Agent: AgentClass, request } = await import("undici");
    agent ??= new AgentClass({
      connect: { lookup, timeout: Math.min(options.timeoutMs, 10_000) },
      maxResponseSize: options.maxBytes,
    });
    return { request, dispatcher: agent };
  }

  async function follow(url: string, signal: AbortSignal, redirects: number): Promise<FetchedFile> {
    const address = checkAddress(url, options.allow);
    const { request, dispatcher } = await load();
    const answer = await request(address, {
      dispatcher,
      signal,
      headers: { accept: "image/*, application/pdf, */*;q=0.5" },
    });
    const location = answer.headers["location"];
    if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === "string") {
      await answer.body.dump();
      if (redirects >= mostRedirects)
        throw new GatewayError("media_not_fetched", `'${url.slice(0, 200)}' redirects too often.`);
      return follow(new URL(location, address).href, signal, redirects + 1);
    }
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw new GatewayError("media_not_fetched", `'${url.slice(0, 200)}' answered with status ${answer.statusCode}.`);
    }
    const data = Buffer.from(await answer.body.arrayBuffer());
    const type = answer.headers["content-type"];
    return {
      mediaType: (Array.isArray(type) ? type[0] : type)?.split(";")[0]?.trim() ?? "application/octet-stream",
      data,
    };
  }

  return {
    async fetch(url, signal) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]);
      try {
        return await follow(url, limited, 0);
      } catch (error) {
        if (error instanceof GatewayError) throw error;
        const cause = (error as { cause?: unknown }).cause ?? error;
        if (cause instanceof GatewayError) throw cause;
        const tooLarge = (error as { code?: string }).code === "UND_ERR_RES_EXCEEDED_MAX_SIZE";
        const reason = tooLarge
          ? `is larger than ${options.maxBytes} bytes`
          : limited.aborted
            ? "took too long"
            : "could not be fetched";
        throw new GatewayError("media_not_fetched", `'${url.slice(0, 200)}' ${reason}.`, { cause: error });
      }
    },
    close: async () => agent?.close(),
  };
}
