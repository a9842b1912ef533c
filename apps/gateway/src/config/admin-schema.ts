import { z } from "zod";

const roleNames = z.array(z.string().min(1).max(256)).default([]);

export const adminSchema = z
  .strictObject({
    password_sign_in: z.boolean().default(true).describe("Let people sign in at /admin with a name and password."),
    oidc: z
      .strictObject({
        issuer: z.url().describe("The OpenID provider; its metadata is read from there."),
        client_id: z.string().min(1).describe("Your own client there."),
        client_secret: z.string().min(1).optional().describe("Absent for public clients."),
        label: z
          .string()
          .min(1)
          .max(60)
          .default("single sign-on")
          .describe("What the button on the sign-in page says."),
        scopes: z.array(z.string().min(1)).default(["openid", "profile", "email"]).describe("What is asked for."),
        redirect_uri: z
          .url()
          .optional()
          .describe("As registered there. Default: the address the browser asked at, with /admin/api/oidc/callback."),
        role_claim: z
          .string()
          .default("groups")
          .describe("The claim that names roles or groups; dots go into objects: realm_access.roles."),
        roles: z
          .strictObject({ viewer: roleNames, operator: roleNames, admin: roleNames })
          .prefault({})
          .describe("Values of the claim that make somebody a viewer, operator or admin; the highest holds."),
        default_role: z
          .enum(["none", "viewer", "operator", "admin"])
          .default("none")
          .describe("For those none of the values is of; none lets them not in."),
      })
      .optional()
      .describe("Sign in with an OpenID provider."),
  })
  .prefault({});

export type AdminConfig = z.output<typeof adminSchema>;
export type OidcConfig = NonNullable<AdminConfig["oidc"]>;
