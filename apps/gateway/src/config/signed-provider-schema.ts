import { oauthPresetNames, type OAuthPresetName } from "@trunkline/providers";
import { z } from "zod";
import { api, seconds, shared } from "./provider-schema.ts";

const address = z.url({ protocol: /^https?$/ });

const early = seconds
  .default(300)
  .describe("Time before its end at which a token is renewed, at most a quarter of its life.");

export const oauthProvider = z.strictObject({
  ...shared,
  ...api,
  kind: z.literal("oauth-session"),
  oauth: z
    .strictObject({
      preset: z
        .enum(oauthPresetNames as [OAuthPresetName, ...OAuthPresetName[]])
        .optional()
        .describe("A known authorization server: its address, what is asked of it, and the API its tokens are for."),
      issuer: address.optional().describe("The authorization server; its endpoints are read from its metadata."),
      authorization_endpoint: address
        .optional()
        .describe("Replaces the metadata's, or stands alone without an issuer."),
      token_endpoint: address.optional(),
      device_authorization_endpoint: address.optional(),
      revocation_endpoint: address.optional(),
      client_id: z.string().min(1).describe("Of a client you have registered there yourself."),
      client_secret: z.string().min(1).optional().describe("Best a reference such as ${MY_CLIENT_SECRET}."),
      client_auth: z
        .enum(["basic", "post", "none"])
        .optional()
        .describe("How the client shows who it is. Default: basic with a secret, none without."),
      scopes: z.array(z.string().min(1)).optional().describe("What is asked for. Default: the preset's."),
      redirect_uri: address
        .optional()
        .describe(
          "As registered. Default: /v1/auth/NAME/callback at the gateway's own address, as the sign-in's request named it.",
        ),
      parameters: z.record(z.string(), z.string()).default({}).describe("Sent to the authorization endpoint as well."),
      refresh_before_seconds: early,
    })
    .refine(({ preset, issuer, token_endpoint }) => preset ?? issuer ?? token_endpoint, {
      message: "name the authorization server: preset, issuer, or authorization_endpoint and token_endpoint",
    }),
});

const templates = "Texts may hold {credential}, and {credential.path} for a claim or member of it.";

export const exchangeProvider = z.strictObject({
  ...shared,
  ...api,
  kind: z.literal("token-exchange"),
  credential: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The long-lived credential, best a reference such as ${MY_TOKEN}. Without it one is handed in by `trunkline login`.",
    ),
  exchange: z.strictObject({
    url: z
      .string()
      .regex(/^https?:\/\//, "an http or https address")
      .describe(`Where the credential is exchanged. ${templates}`),
    method: z.enum(["GET", "POST", "PUT"]).default("POST"),
    headers: z.record(z.string(), z.string()).default({}).describe(templates),
    json: z.unknown().optional().describe(`Body, as JSON. ${templates}`),
    form: z.record(z.string(), z.string()).optional().describe(`Body, as a form. ${templates}`),
    token: z
      .string()
      .min(1)
      .default("access_token")
      .describe("Where the token stands in the answer: a path such as data.0.jwt, header:NAME or cookie:NAME."),
    expires_in: z.string().optional().describe("Where its life in seconds stands."),
    expires_at: z.string().optional().describe("Where its end stands. Default: the token's own `exp`, if it is a JWT."),
    rotated: z
      .string()
      .optional()
      .describe("Where the credential that replaces the one that was sent stands, if each exchange brings a new one."),
    refresh_before_seconds: early,
  }),
  header: z
    .strictObject({
      name: z.string().min(1),
      value: z.string().includes("{token}", { message: "put {token} where the token goes" }),
    })
    .optional()
    .describe("The header that carries the token. Default: Authorization: Bearer {token}."),
});
