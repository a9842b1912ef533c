import { GatewayError, type KeptCredential } from "@trunkline/contracts";
import type { ClientMetadata, ServerMetadata, TokenEndpointResponse } from "openid-client";
import { skewOf } from "../credentials/clock-skew.ts";
import { CredentialRefused, skewNote, type Renewed } from "../credentials/kept-token.ts";
import { secureAddress } from "../credentials/secure-address.ts";

/** One authorization server and the operator's client at it. */
export type OAuthSettings = {
  readonly provider: string;
  /** Its metadata is read from there, unless the endpoints are named. */
  readonly issuer: string | undefined;
  readonly endpoints: {
    readonly authorization?: string;
    readonly token?: string;
    readonly device?: string;
    readonly revocation?: string;
  };
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly clientAuth: "basic" | "post" | "none";
  readonly scopes: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  /** As registered; undefined for the gateway's own address. */
  readonly redirectUri: string | undefined;
};

/** What a code flow has to remember until the person comes back. */
export type CodeSecrets = {
  readonly verifier: string;
  readonly state: string;
  /** Empty where no id token is asked for. */
  readonly nonce: string;
  readonly redirectUri: string;
};

export type DeviceLogin = {
  readonly verificationUri: string;
  readonly verificationUriComplete: string | undefined;
  readonly userCode: string;
  readonly expiresInMs: number;
  /** Resolves when the person has agreed. Throws GatewayError. */
  finish(signal: AbortSignal): Promise<Renewed>;
};

export type OAuthClient = {
  readonly settings: OAuthSettings;
  authorizationUrl(redirectUri: string): Promise<{ readonly url: string; readonly secrets: CodeSecrets }>;
  /** The address the person was sent back to. Throws GatewayError. */
  finishCode(address: URL, secrets: CodeSecrets): Promise<Renewed>;
  supportsDevice(): Promise<boolean>;
  beginDevice(): Promise<DeviceLogin>;
  /** Throws CredentialRefused where the server takes the refresh token no more. */
  refresh(credential: KeptCredential): Promise<Renewed>;
  /** True when the server was told; false where it cannot be told. */
  revoke(credential: KeptCredential): Promise<boolean>;
};

const timeoutSeconds = 20;

/** Answers of the token endpoint that will be the same however often it is asked. */
const finalErrors = new Set(["invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope"]);

export function createOAuthClient(settings: OAuthSettings, now: () => number): OAuthClient {
  /** What the server's clock is ahead of ours. */
  let skewMs = 0;
  let server: Promise<ServerMetadata> | undefined;
  // Loaded at the first sign-in or refresh.
  const load = () => import("openid-client");

  const watchedFetch = async (...[url, init]: Parameters<typeof fetch>): Promise<Response> => {
    const answer = await fetch(url, init);
    skewMs = skewOf(answer.headers, now()) ?? skewMs;
    return answer;
  };

  async function readMetadata(): Promise<ServerMetadata> {
    const { authorization, token, device, revocation } = settings.endpoints;
    const named = {
      ...(authorization ? { authorization_endpoint: authorization } : {}),
      ...(token ? { token_endpoint: token } : {}),
      ...(device ? { device_authorization_endpoint: device } : {}),
      ...(revocation ? { revocation_endpoint: revocation } : {}),
    };
    for (const address of Object.values(named)) secureAddress(address);
    if (settings.issuer === undefined) return { issuer: new URL(token!).origin, ...named };
    const client = await load();
    const { url: issuer, isLocal } = secureAddress(settings.issuer);
    const discover = (algorithm: "oidc" | "oauth2") =>
      client.discovery(issuer, settings.clientId, undefined, undefined, {
        algorithm,
        execute: isLocal ? [client.allowInsecureRequests] : [],
        timeout: timeoutSeconds,
        [client.customFetch]: watchedFetch,
      });
    // OpenID Connect's address first, then RFC 8414's.
    const found = await discover("oidc").catch(() => discover("oauth2"));
    const { supportsPKCE: _helper, ...metadata } = found.serverMetadata();
    return { ...metadata, ...named };
  }

  async function configured() {
    const client = await load();
    // A failed look is repeated at the next request.
    server ??= readMetadata().catch((error: unknown) => {
      server = undefined;
      throw error;
    });
    const metadata = await server;
    const auth = {
      basic: () => client.ClientSecretBasic(settings.clientSecret),
      post: () => client.ClientSecretPost(settings.clientSecret),
      none: () => client.None(),
    }[settings.clientAuth]();
    const own: Partial<ClientMetadata> = { [client.clockSkew]: Math.round(skewMs / 1000) };
    const configuration = new client.Configuration(metadata, settings.clientId, own, auth);
    configuration.timeout = timeoutSeconds;
    configuration[client.customFetch] = watchedFetch;
    if (secureAddress(metadata.token_endpoint ?? metadata.issuer).isLocal) client.allowInsecureRequests(configuration);
    return { client, configuration };
  }

  const scope = settings.scopes.join(" ");
  const scopeParameter: Record<string, string> = scope === "" ? {} : { scope };

  function renewedOf(
    answer: TokenEndpointResponse & { claims?(): { sub?: string } | undefined },
    before?: KeptCredential,
  ): Renewed {
    const obtainedAt = now();
    return {
      skewMs,
      credential: {
        accessToken: answer.access_token,
        expiresAt: answer.expires_in === undefined ? null : obtainedAt + answer.expires_in * 1000,
        obtainedAt,
        // A server that does not rotate its refresh tokens sends none.
        renewal: answer.refresh_token ?? before?.renewal ?? null,
        scope: answer.scope ?? before?.scope ?? (scope === "" ? null : scope),
        subject: answer.claims?.()?.sub ?? before?.subject ?? null,
        origin: null,
      },
    };
  }

  async function guarded<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw failureOf(error, what);
    }
  }

  /** Errors of the library and of the network, told without what they carry of tokens. */
  function failureOf(thrown: unknown, what: string): Error {
    if (thrown instanceof GatewayError || thrown instanceof CredentialRefused) return thrown;
    const error = thrown as Error & { code?: string; error?: string; error_description?: string; cause?: unknown };
    const skew = skewNote(skewMs);
    const note = skew === null ? "" : ` (${skew})`;
    if (error.code === "OAUTH_RESPONSE_BODY_ERROR" || error.code === "OAUTH_AUTHORIZATION_RESPONSE_ERROR") {
      const words = [error.error, error.error_description].filter(Boolean).join(": ").slice(0, 300);
      const problem = `${what}: the authorization server answered ${words}${note}`;
      return finalErrors.has(error.error ?? "") || error.code === "OAUTH_AUTHORIZATION_RESPONSE_ERROR"
        ? new CredentialRefused(problem)
        : new GatewayError("upstream_error", `${problem}.`);
    }
    if (error.code?.startsWith("OAUTH_"))
      return new GatewayError("upstream_bad_response", `${what}: ${error.message.slice(0, 300)}${note}.`, {
        cause: error,
      });
    return new GatewayError(
      "upstream_unreachable",
      `${what}: the authorization server of '${settings.provider}' cannot be reached.`,
      { cause: error },
    );
  }

  return {
    settings,
    authorizationUrl: (redirectUri) =>
      guarded("the sign-in could not begin", async () => {
        const { client, configuration } = await configured();
        if (!configuration.serverMetadata().authorization_endpoint)
          throw new GatewayError(
            "provider_unavailable",
            `The authorization server of '${settings.provider}' names no authorization endpoint.`,
          );
        const verifier = client.randomPKCECodeVerifier();
        const state = client.randomState();
        const nonce = settings.scopes.includes("openid") ? client.randomNonce() : "";
        const url = client.buildAuthorizationUrl(configuration, {
          ...settings.parameters,
          ...scopeParameter,
          redirect_uri: redirectUri,
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
          state,
          ...(nonce === "" ? {} : { nonce }),
        });
        return { url: url.href, secrets: { verifier, state, nonce, redirectUri } };
      }),
    finishCode: (address, { verifier, state, nonce, redirectUri }) =>
      guarded("the sign-in failed", async () => {
        const { client, configuration } = await configured();
        // The redirect URI as it was registered: a proxy in front of the gateway may have changed host or scheme.
        const seen = new URL(redirectUri);
        seen.search = address.search;
        const answer = await client.authorizationCodeGrant(configuration, seen, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          ...(nonce === "" ? {} : { expectedNonce: nonce, idTokenExpected: true }),
        });
        return renewedOf(answer);
      }),
    supportsDevice: () =>
      guarded("the sign-in could not begin", async () => {
        const { configuration } = await configured();
        return configuration.serverMetadata().device_authorization_endpoint !== undefined;
      }),
    beginDevice: () =>
      guarded("the sign-in could not begin", async () => {
        const { client, configuration } = await configured();
        const begun = await client.initiateDeviceAuthorization(configuration, scopeParameter);
        return {
          verificationUri: begun.verification_uri,
          verificationUriComplete: begun.verification_uri_complete,
          userCode: begun.user_code,
          expiresInMs: begun.expires_in * 1000,
          finish: (signal: AbortSignal) =>
            guarded("the sign-in failed", async () =>
              renewedOf(await client.pollDeviceAuthorizationGrant(configuration, begun, undefined, { signal })),
            ),
        };
      }),
    refresh: (credential) =>
      guarded("the token could not be renewed", async () => {
        const { client, configuration } = await configured();
        return renewedOf(await client.refreshTokenGrant(configuration, credential.renewal!), credential);
      }),
    revoke: (credential) =>
      guarded("the sign-in could not be revoked", async () => {
        const { client, configuration } = await configured();
        if (!configuration.serverMetadata().revocation_endpoint) return false;
        // RFC 7009 §2.1: a refresh token takes its access tokens with it, where the server can.
        for (const [token, hint] of [
          [credential.renewal, "refresh_token"],
          [credential.accessToken, "access_token"],
        ] as const)
          if (token !== null) await client.tokenRevocation(configuration, token, { token_type_hint: hint });
        return true;
      }),
  };
}
