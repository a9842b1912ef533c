import {
  createExchangeProvider,
  createOAuthProvider,
  oauthPresetOf,
  type PresetName,
  type Provider,
} from "@trunkline/providers";
import type { ApiOptions } from "./create-providers.ts";
import type { ExchangeProviderConfig, OAuthProviderConfig } from "./config/schema.ts";
import type { Store } from "@trunkline/store";

/** The API a sign-in's tokens are for, unless the entry names another. */
export function apiOfOAuth(entry: OAuthProviderConfig): PresetName | undefined {
  const { preset } = entry.oauth;
  return preset === undefined ? undefined : oauthPresetOf(preset).api;
}

export function oauthProviderFor(
  entry: OAuthProviderConfig,
  options: ApiOptions,
  store: Store["credentials"],
): Promise<Provider> {
  const { oauth } = entry;
  const preset = oauth.preset === undefined ? undefined : oauthPresetOf(oauth.preset);
  const given = {
    authorization: oauth.authorization_endpoint,
    token: oauth.token_endpoint,
    device: oauth.device_authorization_endpoint,
    revocation: oauth.revocation_endpoint,
  };
  return createOAuthProvider({
    ...(preset?.baseUrl === undefined ? {} : { baseUrl: preset.baseUrl }),
    ...options,
    store,
    earlyMs: oauth.refresh_before_seconds * 1000,
    now: Date.now,
    oauth: {
      provider: options.name,
      issuer: oauth.issuer ?? preset?.issuer,
      endpoints: Object.fromEntries(Object.entries(given).filter(([, address]) => address !== undefined)),
      clientId: oauth.client_id,
      clientSecret: oauth.client_secret,
      clientAuth: oauth.client_auth ?? (oauth.client_secret === undefined ? "none" : "basic"),
      scopes: oauth.scopes ?? preset?.scopes ?? [],
      parameters: { ...preset?.parameters, ...oauth.parameters },
      redirectUri: oauth.redirect_uri,
    },
  });
}

export function exchangeProviderFor(
  entry: ExchangeProviderConfig,
  options: ApiOptions,
  store: Store["credentials"],
): Promise<Provider> {
  const { exchange, credential, header } = entry;
  return createExchangeProvider({
    ...options,
    store,
    ...(credential === undefined ? {} : { credential }),
    ...(header === undefined ? {} : { header }),
    earlyMs: exchange.refresh_before_seconds * 1000,
    now: Date.now,
    exchange: {
      provider: options.name,
      url: exchange.url,
      method: exchange.method,
      headers: exchange.headers,
      json: exchange.json,
      form: exchange.form,
      token: exchange.token,
      expiresIn: exchange.expires_in,
      expiresAt: exchange.expires_at,
      rotated: exchange.rotated,
    },
  });
}
