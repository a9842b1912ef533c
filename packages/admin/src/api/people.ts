import { roles, scopes } from "@trunkline/contracts";
import { z } from "zod";
import { name, notes, time, timeOrNull } from "./common.ts";

export const userView = z
  .object({
    id: z.string(),
    name: z.string(),
    email: z.string(),
    role: z.enum(roles),
    group: z.string().nullable(),
    notes: z.string(),
    active: z.boolean(),
    password: z.boolean().describe("Whether they have one."),
    second_factor: z.boolean(),
    single_sign_on: z.boolean().describe("Known by the OpenID provider."),
    created: time,
    signed_in: timeOrNull.describe("When they last did."),
  })
  .meta({ id: "User" });
export type UserView = z.output<typeof userView>;

const password = z.string().min(12, "at least 12 characters").max(512);
const members = {
  email: z.union([z.literal(""), z.email()]),
  role: z.enum(roles),
  group: name.nullable(),
  notes,
  active: z.boolean(),
  password: password.nullable().describe("Null takes it away."),
};
export const newUser = z.strictObject({ name, ...z.object(members).partial().shape }).meta({ id: "NewUser" });
export const userChange = z
  .strictObject({ name, ...members })
  .partial()
  .meta({ id: "UserChange" });

export const groupView = z
  .object({ name: z.string(), notes: z.string(), created: time, users: z.int(), keys: z.int() })
  .meta({ id: "Group" });
export type GroupView = z.output<typeof groupView>;
export const newGroup = z.strictObject({ name, notes: notes.default("") }).meta({ id: "NewGroup" });
export const groupChange = z.strictObject({ notes }).meta({ id: "GroupChange" });

export const signInView = z
  .object({
    id: z.string(),
    user: z.string(),
    user_id: z.string(),
    method: z.enum(["password", "oidc"]),
    address: z.string(),
    agent: z.string(),
    created: time,
    used: time,
    expires: time,
    current: z.boolean().describe("The one this was asked with."),
  })
  .meta({ id: "SignIn" });
export type SignInView = z.output<typeof signInView>;

export const credentialsInput = z
  .strictObject({
    name: z.string().min(1).max(100),
    password: z.string().min(1).max(512),
    code: z
      .string()
      .regex(/^\d{6}$/, "six digits")
      .optional()
      .describe("Of the second factor, for whoever has one."),
  })
  .meta({ id: "Credentials" });

export const whoView = z
  .object({
    name: z.string(),
    user_id: z.string().nullable(),
    role: z.enum(roles),
    scopes: z.array(z.enum(scopes)),
    second_factor: z.boolean(),
    password: z.boolean(),
    version: z.string(),
  })
  .meta({ id: "Who" });
export type WhoView = z.output<typeof whoView>;

export const waysIn = z
  .object({
    password: z.boolean(),
    oidc: z.object({ label: z.string(), url: z.string() }).nullable(),
    who: whoView.nullable().describe("Who is signed in already."),
    version: z.string(),
  })
  .meta({ id: "WaysIn" });
export type WaysIn = z.output<typeof waysIn>;

export const secondFactorView = z
  .object({ secret: z.string().describe("Base32, shown this once."), uri: z.string() })
  .meta({ id: "SecondFactor" });
export const codeInput = z.strictObject({ code: z.string().regex(/^\d{6}$/, "six digits") });
export const passwordInput = z.strictObject({ current: z.string().max(512), next: password });

export const auditView = z
  .object({
    number: z.int(),
    time,
    actor: z.string(),
    action: z.string(),
    target: z.string(),
    before: z.unknown().describe("Null where there was nothing; never with secrets."),
    after: z.unknown(),
    address: z.string(),
    request_id: z.string(),
    hash: z.string().describe("Over this entry and the hash before it."),
  })
  .meta({ id: "AuditEntry" });
export type AuditView = z.output<typeof auditView>;

export const auditCheck = z
  .object({
    whole: z.boolean(),
    entries: z.int().nullable(),
    last_hash: z.string().nullable(),
    problem: z.string().nullable(),
  })
  .meta({ id: "AuditCheck" });
export type AuditCheckView = z.output<typeof auditCheck>;
