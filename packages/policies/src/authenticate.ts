import { GatewayError, type Key } from "@trunkline/contracts";
import { LRUCache } from "lru-cache";
import type { Policy } from "./policy.ts";

/** The port `authenticate` needs: finds the key a secret belongs to. */
export type KeyFinder = {
  /** Undefined when no key has this secret. */
  find(secret: string): Promise<Key | undefined>;
};

export type AuthenticateOptions = {
  readonly keys: KeyFinder;
  /** Milliseconds a found key is remembered; a revoked key works at most this long in another process. */
  readonly rememberMs: number;
};

export type Authenticate = {
  readonly policy: Policy;
  /** The key a secret belongs to, at once when it is remembered. Throws, or rejects with, the GatewayError that refuses it. */
  keyOf(secret: string | undefined, now: number): Key | Promise<Key>;
};

/** Only secrets that were found are remembered, so that guessing fills nothing. */
export function createAuthenticate({ keys, rememberMs }: AuthenticateOptions): Authenticate {
  const known = new LRUCache<string, Key>({ max: 10_000, ttl: rememberMs });

  function check(key: Key, now: number): Key {
    if (!key.active)
      throw new GatewayError("disabled_key", `The key '${key.name}' is disabled. Ask the operator to enable it.`);
    if (key.expiresAt !== null && key.expiresAt <= now) {
      throw new GatewayError(
        "expired_key",
        `The key '${key.name}' expired on ${new Date(key.expiresAt).toISOString()}. Make a new one with \`trunkline keys create\`.`,
      );
    }
    return key;
  }

  function keyOf(secret: string | undefined, now: number): Key | Promise<Key> {
    if (secret === undefined || secret === "") {
      throw new GatewayError(
        "missing_key",
        "No API key was sent. Send one made with `trunkline keys create`, as `Authorization: Bearer tl-…`, `x-api-key`, `x-goog-api-key` or `api-key`.",
      );
    }
    const remembered = known.get(secret);
    if (remembered) return check(remembered, now);
    return keys.find(secret).then((key) => {
      if (!key)
        throw new GatewayError(
          "invalid_key",
          "The API key is not one of this gateway's. Check it, or make one with `trunkline keys create`.",
        );
      known.set(secret, key);
      return check(key, now);
    });
  }

  return {
    keyOf,
    policy: function authenticate(context) {
      if (context.key) {
        check(context.key, context.now);
        return undefined;
      }
      const found = keyOf(context.secret, context.now);
      if (!(found instanceof Promise)) {
        context.key = found;
        return undefined;
      }
      return found.then((key) => {
        context.key = key;
      });
    },
  };
}
