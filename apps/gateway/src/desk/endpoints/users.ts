import {
  groupChange,
  groupView,
  name,
  newGroup,
  newUser as newUserInput,
  pageOf,
  pageQuery,
  userChange,
  userView,
  type GroupView,
  type UserView,
} from "@trunkline/admin/api";
import { GatewayError, newUser, type User } from "@trunkline/contracts";
import type { DeskTables, UserChange } from "@trunkline/store";
import { z } from "zod";
import type { Gateway } from "../../gateway-types.ts";
import { isoTime } from "../../iso-time.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { pageOfAll } from "../page.ts";
import { hashPassword } from "../passwords.ts";

const tag = "People";
const byId = z.object({ id: z.string() });
const byName = z.object({ name });

function shownUser(user: User): UserView {
  return {
    id: user.id,
    name: user.name,
    email: user.email,
    role: user.role,
    group: user.group,
    notes: user.notes,
    active: user.isActive,
    password: user.hasPassword,
    second_factor: user.hasSecondFactor,
    single_sign_on: user.subject !== null,
    created: isoTime(user.createdAt)!,
    signed_in: isoTime(user.signedInAt),
  };
}

const isWholeAdmin = (user: User) =>
  user.role === "admin" && user.isActive && (user.hasPassword || user.subject !== null);

/** Nobody locks everybody out: one who may all is left. */
async function keepOneAdmin({ users }: DeskTables, changed: User | undefined, id: string): Promise<void> {
  const others = (await users.list()).filter((user) => user.id !== id);
  if ([...others, ...(changed ? [changed] : [])].some(isWholeAdmin)) return;
  throw new GatewayError("conflict", "Nobody would be left who may all. Make somebody else an admin first.");
}

async function groupsOf({ store }: Gateway): Promise<GroupView[]> {
  const [groups, users, keys] = await Promise.all([store.users.groups.list(), store.users.list(), store.keys.list()]);
  return groups.map(({ name, notes, createdAt }) => ({
    name,
    notes,
    created: isoTime(createdAt)!,
    users: users.filter((user) => user.group === name).length,
    keys: keys.filter((key) => key.group === name).length,
  }));
}

const shownGroup = ({ name, notes }: { readonly name: string; readonly notes: string }) => ({ name, notes });

export const userEndpoints = [
  endpoint({
    method: "GET",
    path: "/users",
    tag,
    summary: "Everybody keys belong to, or who may sign in",
    scope: "users:read",
    query: pageQuery,
    answer: pageOf(userView),
    run: async ({ gateway, query }) =>
      pageOfAll((await gateway.store.users.list()).map(shownUser), query, ({ id }) => id),
  }),
  endpoint({
    method: "POST",
    path: "/users",
    tag,
    summary: "Add somebody",
    scope: "users:write",
    body: newUserInput,
    answer: userView,
    status: 201,
    async run({ body, audited }) {
      const user = newUser({
        name: body.name,
        email: body.email ?? "",
        role: body.role ?? "none",
        group: body.group ?? null,
        notes: body.notes ?? "",
        isActive: body.active ?? true,
        hasPassword: typeof body.password === "string",
        createdAt: Date.now(),
      });
      const passwordHash = typeof body.password === "string" ? await hashPassword(body.password) : null;
      return audited("user.create", user.id, async ({ users }) => {
        if (await users.named(user.name)) throw new GatewayError("conflict", `There is a user '${user.name}' already.`);
        await users.insert(user, { passwordHash });
        return { result: shownUser(user), after: shownUser(user) };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/users/{id}",
    tag,
    summary: "One user",
    scope: "users:read",
    params: byId,
    answer: userView,
    async run({ gateway, params }) {
      const user = await gateway.store.users.get(params.id);
      if (!user) throw notFound("such user");
      return shownUser(user);
    },
  }),
  endpoint({
    method: "PATCH",
    path: "/users/{id}",
    tag,
    summary: "Change a user; absent members stay. Less rights, or none, take effect at once",
    scope: "users:write",
    params: byId,
    body: userChange,
    answer: userView,
    needsMatch: true,
    async run({ params, body, audited, match }) {
      const { password, active, ...rest } = body;
      const passwordHash = typeof password === "string" ? await hashPassword(password) : password;
      const change: UserChange = {
        ...(rest as UserChange),
        ...(active === undefined ? {} : { isActive: active }),
        ...(passwordHash === undefined ? {} : { passwordHash }),
      };
      return audited("user.change", params.id, async (tables) => {
        const before = await tables.users.get(params.id);
        if (!before) throw notFound("such user");
        match(shownUser(before));
        const same = change.name === undefined ? undefined : await tables.users.named(change.name);
        if (same && same.id !== before.id)
          throw new GatewayError("conflict", `There is a user '${change.name}' already.`);
        const after: User = {
          ...before,
          ...(rest as Partial<User>),
          isActive: active ?? before.isActive,
          hasPassword: passwordHash === undefined ? before.hasPassword : passwordHash !== null,
        };
        await keepOneAdmin(tables, after, before.id);
        await tables.users.update(before.id, change);
        // Whoever has stolen a session loses it with the password.
        if (!after.isActive || passwordHash !== undefined) await tables.adminSessions.removeOf(before.id);
        const isNewPassword = passwordHash === undefined ? {} : { password_changed: true };
        return {
          result: shownUser(after),
          before: shownUser(before),
          after: { ...shownUser(after), ...isNewPassword },
        };
      });
    },
  }),
  endpoint({
    method: "POST",
    path: "/users/{id}/reset-second-factor",
    tag,
    summary: "Take somebody's second factor away, who has lost it",
    scope: "users:write",
    params: byId,
    status: 204,
    async run({ params, audited }) {
      await audited("user.second-factor", params.id, async ({ users }) => {
        if (!(await users.get(params.id))) throw notFound("such user");
        await users.setSecondFactor(params.id, null);
        return { result: undefined, after: { second_factor: false } };
      });
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/users/{id}",
    tag,
    summary: "Remove a user; their keys stay",
    scope: "users:write",
    params: byId,
    status: 204,
    needsMatch: true,
    async run({ params, audited, match }) {
      await audited("user.delete", params.id, async (tables) => {
        const before = await tables.users.get(params.id);
        if (!before) throw notFound("such user");
        match(shownUser(before));
        await keepOneAdmin(tables, undefined, before.id);
        await tables.adminSessions.removeOf(before.id);
        await tables.users.remove(before.id);
        return { result: undefined, before: shownUser(before) };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/groups",
    tag,
    summary: "Groups of users and keys",
    scope: "users:read",
    query: pageQuery,
    answer: pageOf(groupView),
    run: async ({ gateway, query }) => pageOfAll(await groupsOf(gateway), query, ({ name }) => name),
  }),
  endpoint({
    method: "POST",
    path: "/groups",
    tag,
    summary: "Make a group",
    scope: "users:write",
    body: newGroup,
    answer: groupView,
    status: 201,
    async run({ body, audited }) {
      const group = { ...body, createdAt: Date.now() };
      await audited("group.create", body.name, async ({ users }) => {
        if (!(await users.groups.insert(group)))
          throw new GatewayError("conflict", `There is a group '${body.name}' already.`);
        return { result: undefined, after: shownGroup(group) };
      });
      return { ...body, created: isoTime(group.createdAt), users: 0, keys: 0 };
    },
  }),
  endpoint({
    method: "GET",
    path: "/groups/{name}",
    tag,
    summary: "One group",
    scope: "users:read",
    params: byName,
    answer: groupView,
    async run({ gateway, params }) {
      const group = (await groupsOf(gateway)).find(({ name }) => name === params.name);
      if (!group) throw notFound("such group");
      return group;
    },
  }),
  endpoint({
    method: "PATCH",
    path: "/groups/{name}",
    tag,
    summary: "Change a group's notes",
    scope: "users:write",
    params: byName,
    body: groupChange,
    status: 204,
    needsMatch: true,
    async run({ gateway, params, body, audited, match }) {
      const seen = (await groupsOf(gateway)).find(({ name }) => name === params.name);
      await audited("group.change", params.name, async ({ users }) => {
        const before = (await users.groups.list()).find(({ name }) => name === params.name);
        if (!before || !seen) throw notFound("such group");
        match({ ...seen, notes: before.notes });
        await users.groups.update(params.name, body.notes);
        return { result: undefined, before: shownGroup(before), after: { ...shownGroup(before), notes: body.notes } };
      });
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/groups/{name}",
    tag,
    summary: "Remove a group nobody and nothing is in",
    scope: "users:write",
    params: byName,
    status: 204,
    needsMatch: true,
    async run({ gateway, params, audited, match }) {
      const seen = (await groupsOf(gateway)).find(({ name }) => name === params.name);
      if (!seen) throw notFound("such group");
      match(seen);
      if (seen.users + seen.keys > 0)
        throw new GatewayError("conflict", `${seen.users} users and ${seen.keys} keys are in it. Take them out first.`);
      await audited("group.delete", params.name, async ({ users }) => {
        await users.groups.remove(params.name);
        return { result: undefined, before: shownGroup(seen) };
      });
    },
  }),
];
