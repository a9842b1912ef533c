import { asNumber, asString, GatewayError, isObject, type KeptCredential } from "@trunkline/contracts";
import type { OAuthClient } from "../oauth-session/oauth-client.ts";

/** How an operator signs in to a provider. */
export type SignIn = {
  /** The authorization server, where there is one. */
  readonly oauth?: OAuthClient;
  /** What an operator hands in, as it will be kept. Throws GatewayError. */
  accept(given: unknown): KeptCredential;
  /** What is kept was changed here; other processes see it within a second. */
  changed(): void;
};

const longestToken = 64 * 1024;

function textOf(given: Record<string, unknown>, name: string): string | undefined {
  const value = given[name];
  if (value === undefined || value === null) return undefined;
  const text = asString(value);
  if (text === undefined || text.trim() === "" || text.length > longestToken || /[\r\n]/.test(text.trim()))
    throw new GatewayError(
      "invalid_request",
      `'${name}' must be a text of one line and at most ${longestToken} characters.`,
      {
        parameter: name,
      },
    );
  return text.trim();
}

function membersOf(given: unknown, allowed: readonly string[]): Record<string, unknown> {
  if (!isObject(given)) throw new GatewayError("invalid_request", "Send a JSON object as the request body.");
  const unknown = Object.keys(given).find((name) => !allowed.includes(name));
  if (unknown !== undefined)
    throw new GatewayError("invalid_request", `Unknown member '${unknown}': send ${allowed.join(", ")}.`, {
      parameter: unknown,
    });
  return given;
}

/** Tokens from elsewhere, as a token endpoint would have answered them. */
export function givenTokens(given: unknown, now: number): KeptCredential {
  const members = membersOf(given, ["access_token", "refresh_token", "expires_in", "scope", "token_type"]);
  const accessToken = textOf(members, "access_token") ?? null;
  const renewal = textOf(members, "refresh_token") ?? null;
  if (accessToken === null && renewal === null)
    throw new GatewayError("invalid_request", "Send 'access_token', 'refresh_token' or both.", {
      parameter: "access_token",
    });
  const life = members["expires_in"];
  if (life !== undefined && !(Number(asNumber(life)) > 0))
    throw new GatewayError("invalid_request", "'expires_in' must be a positive number of seconds.", {
      parameter: "expires_in",
    });
  return {
    accessToken,
    expiresAt: life === undefined ? null : now + Number(life) * 1000,
    obtainedAt: now,
    renewal,
    scope: textOf(members, "scope") ?? null,
    subject: null,
    origin: null,
  };
}

/** A long-lived credential to be exchanged. */
export function givenCredential(given: unknown): string {
  const credential = textOf(membersOf(given, ["credential"]), "credential");
  if (credential === undefined)
    throw new GatewayError("invalid_request", "Send 'credential', the long-lived secret that is exchanged.", {
      parameter: "credential",
    });
  return credential;
}
