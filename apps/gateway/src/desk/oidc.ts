import { GatewayError, roles, type Role } from "@trunkline/contracts";
import { secureAddress } from "@trunkline/providers";
import type { SecretBox } from "@trunkline/store";
import type { Configuration, IDToken } from "openid-client";
import type { OidcConfig } from "../config/admin-schema.ts";

/** What the browser keeps while somebody signs in elsewhere; sealed, so that it is ours and nobody else's. */
type Pending = {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
  readonly until: number;
};

export type Identity = {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly email: string;
  readonly isEmailVerified: boolean;
  /** By the claim; undefined when it names none that is configured. */
  readonly role: Role | undefined;
  readonly idToken: string;
};

/** Milliseconds a person gets to sign in elsewhere. */
const pendingMs = 10 * 60_000;
const purpose = "oidc sign-in";
const timeoutSeconds = 15;

const text = (value: unknown) => (typeof value === "string" ? value : "");

/** The member a path of names leads to; a name that holds dots itself goes before a path. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): readonly string[] {
  let value: unknown = Object.hasOwn(claims, path) ? claims[path] : undefined;
  if (value === undefined) {
    value = claims;
    for (const part of path.split("."))
      value =
        typeof value === "object" && value !== null && Object.hasOwn(value, part)
          ? (value as Record<string, unknown>)[part]
          : undefined;
  }
  const list = Array.isArray(value) ? value : [value];
  return list.filter((one): one is string => typeof one === "string");
}

/** The highest role that one of the values makes. */
export function roleOf(values: readonly string[], { roles: mapping }: OidcConfig): Role | undefined {
  return roles.findLast((role) => role !== "none" && mapping[role].some((value) => values.includes(value)));
}

function identityOf(claims: IDToken, config: OidcConfig, idToken: string): Identity {
  return {
    issuer: claims.iss,
    subject: claims.sub,
    name: text(claims["preferred_username"]) || text(claims["email"]) || claims.sub,
    email: text(claims["email"]),
    isEmailVerified: claims["email_verified"] === true,
    role: roleOf(claimAt(claims, config.role_claim), config),
    idToken,
  };
}

/** Signing in with an OpenID provider: code flow with PKCE and nonce; the token's signature is checked, wherever it came from. */
export function createOidc(box: SecretBox, now: () => number) {
  let known: { readonly settings: string; readonly configuration: Promise<Configuration> } | undefined;
  // Loaded when somebody signs in this way.
  const load = () => import("openid-client");

  async function discover({ issuer, client_id: id, client_secret: secret }: OidcConfig): Promise<Configuration> {
    const client = await load();
    const { url, isLocal } = secureAddress(issuer);
    const execute = isLocal
      ? [client.allowInsecureRequests, client.enableNonRepudiationChecks]
      : [client.enableNonRepudiationChecks];
    return client.discovery(
      url,
      id,
      undefined,
      secret === undefined ? client.None() : client.ClientSecretBasic(secret),
      {
        execute,
        timeout: timeoutSeconds,
      },
    );
  }

  function configurationOf(config: OidcConfig): Promise<Configuration> {
    const settings = JSON.stringify(config);
    if (known?.settings !== settings) known = { settings, configuration: discover(config) };
    const { configuration } = known;
    return configuration.catch((error: unknown) => {
      known = undefined;
      if (error instanceof GatewayError) throw error;
      throw new GatewayError(
        "upstream_unreachable",
        `The OpenID provider ${config.issuer} cannot be asked: ${error instanceof Error ? error.message : "no answer"}. Sign in with a password, or try again.`,
        { cause: error },
      );
    });
  }

  return {
    /** Where the browser goes, and what it keeps meanwhile. */
    async begin(
      config: OidcConfig,
      ownRedirectUri: string,
    ): Promise<{ readonly url: string; readonly cookie: string }> {
      const configuration = await configurationOf(config);
      const client = await load();
      const redirectUri = config.redirect_uri ?? ownRedirectUri;
      const pending: Pending = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
        redirectUri,
        until: now() + pendingMs,
      };
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: config.scopes.join(" "),
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: "S256",
      });
      return { url: url.href, cookie: encodeURIComponent(box.seal(JSON.stringify(pending), purpose)) };
    },
    /** Who came back. Throws GatewayError. */
    async finish(config: OidcConfig, query: string, cookie: string | undefined): Promise<Identity> {
      let pending: Pending;
      try {
        pending = JSON.parse(box.open(decodeURIComponent(cookie ?? ""), purpose)) as Pending;
      } catch {
        throw new GatewayError("invalid_request", "This sign-in was not begun in this browser. Begin it anew.");
      }
      if (pending.until < now())
        throw new GatewayError("invalid_request", "The sign-in took longer than ten minutes. Begin it anew.");
      const configuration = await configurationOf(config);
      const client = await load();
      try {
        const tokens = await client.authorizationCodeGrant(configuration, new URL(`${pending.redirectUri}${query}`), {
          pkceCodeVerifier: pending.verifier,
          expectedState: pending.state,
          expectedNonce: pending.nonce,
          idTokenExpected: true,
        });
        return identityOf(tokens.claims()!, config, tokens.id_token!);
      } catch (error) {
        const { error: code, error_description: why } = error as { error?: string; error_description?: string };
        throw new GatewayError(
          "invalid_key",
          `The OpenID provider's answer is not good: ${why ?? code ?? (error as Error).message}. Begin the sign-in anew.`,
          { cause: error },
        );
      }
    },
    /** Where the browser signs out there, too; undefined where that cannot be done. */
    async endUrl(config: OidcConfig, idToken: string, backTo: string): Promise<string | undefined> {
      const configuration = await configurationOf(config);
      if (!configuration.serverMetadata().end_session_endpoint) return undefined;
      const client = await load();
      return client.buildEndSessionUrl(configuration, { id_token_hint: idToken, post_logout_redirect_uri: backTo })
        .href;
    },
  };
}
