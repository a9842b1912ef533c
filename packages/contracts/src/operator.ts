import { newId } from "./ids.ts";

/** What somebody may do at the operator's desk: an entity and a verb. */
export const scopes = [
  "alerts:read",
  "alerts:write",
  "audit:read",
  "exchanges:read",
  "exchanges:content",
  "jobs:read",
  "jobs:write",
  "keys:read",
  "keys:write",
  "kill-switches:read",
  "kill-switches:write",
  "models:read",
  "playground:use",
  "providers:read",
  "providers:operate",
  "providers:sign-in",
  "routes:read",
  "routes:write",
  "sessions:read",
  "sessions:write",
  "settings:read",
  "settings:write",
  "statistics:read",
  "users:read",
  "users:write",
  "workers:read",
  "workers:write",
] as const;
export type Scope = (typeof scopes)[number];

/** From the one who may least to the one who may all. `none` may not sign in: a user that only owns keys. */
export const roles = ["none", "viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

const viewerScopes: readonly Scope[] = [
  "alerts:read",
  "exchanges:read",
  "jobs:read",
  "keys:read",
  "kill-switches:read",
  "models:read",
  "providers:read",
  "routes:read",
  "sessions:read",
  "statistics:read",
  "workers:read",
];

/** An operator runs what is there; an admin decides what there is, and who may. */
const operatorScopes: readonly Scope[] = [
  ...viewerScopes,
  "audit:read",
  "jobs:write",
  "kill-switches:write",
  "playground:use",
  "providers:operate",
  "sessions:write",
  "settings:read",
  "users:read",
  "workers:write",
];

export const scopesOf: Readonly<Record<Role, readonly Scope[]>> = {
  none: [],
  viewer: viewerScopes,
  operator: operatorScopes,
  admin: scopes,
};

/** Who asks for something at the operator's desk. */
export type Actor = {
  /** As the audit log names them: `user:admin`, `cli`. */
  readonly name: string;
  /** Null for the command line beside the gateway. */
  readonly userId: string | null;
  /** The session in the browser, where there is one. */
  readonly sessionId: string | null;
  readonly role: Role;
};

/** Somebody keys belong to, who may sign in when they have a role. Times are milliseconds since the epoch. */
export type User = {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly group: string | null;
  readonly notes: string;
  readonly isActive: boolean;
  readonly hasPassword: boolean;
  readonly hasSecondFactor: boolean;
  /** Whom an OpenID provider knows them as; null for those that sign in with a password. */
  readonly subject: string | null;
  readonly createdAt: number;
  readonly signedInAt: number | null;
};

/** A user with nothing but what is said of them: they may not sign in, and have no password. */
export function newUser(given: Pick<User, "name" | "createdAt"> & Partial<User>): User {
  return {
    id: newId("user_"),
    email: "",
    role: "none",
    group: null,
    notes: "",
    isActive: true,
    hasPassword: false,
    hasSecondFactor: false,
    subject: null,
    signedInAt: null,
    ...given,
  };
}

export type Group = { readonly name: string; readonly notes: string; readonly createdAt: number };

/** Somebody signed in with a browser. */
export type AdminSession = {
  readonly id: string;
  readonly userId: string;
  readonly method: "password" | "oidc";
  readonly createdAt: number;
  readonly usedAt: number;
  readonly expiresAt: number;
  readonly address: string;
  readonly agent: string;
};

/** What somebody did. Each entry is bound to the one before by its hash. */
export type AuditEntry = {
  readonly number: number;
  readonly at: number;
  readonly actor: string;
  /** Entity and verb: `key.create`. */
  readonly action: string;
  /** Id or name of what it was done to; may be empty. */
  readonly target: string;
  /** JSON, without secrets; null where there was nothing. */
  readonly before: string | null;
  readonly after: string | null;
  readonly address: string;
  readonly requestId: string;
  readonly hash: string;
};

export type NewAuditEntry = Omit<AuditEntry, "number" | "hash">;

/** A configuration as it was once in force. */
export type ConfigVersion = {
  readonly id: string;
  readonly at: number;
  readonly actor: string;
  readonly tag: string;
  readonly text: string;
};
