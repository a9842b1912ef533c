import { scopesOf } from "@trunkline/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endpoints } from "../../src/desk/endpoints/index.ts";
import { adminPassword, startDesk, userPassword, type TestDesk } from "./desk.ts";

let desk: TestDesk;
beforeAll(async () => {
  desk = await startDesk({ admin: { password_sign_in: true } });
});
afterAll(() => desk?.close());

/** An address of this kind, of things that are not there. */
const pathOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, "nothing").replace("*", "nothing");

/** What a user is answered; of what goes on for ever, only how it begins. */
async function mayBe(role: "viewer" | "operator" | "admin", method: string, path: string) {
  const stop = new AbortController();
  const password = role === "admin" ? adminPassword : userPassword;
  const answer = await fetch(`${desk.gateway.origin}/admin/api${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${role}:${password}`).toString("base64")}`,
      ...(method === "GET" ? {} : { "content-type": "application/json" }),
    },
    redirect: "manual",
    signal: stop.signal,
    ...(method === "GET" ? {} : { body: "{}" }),
  });
  const isProblem = answer.headers.get("content-type")?.includes("problem") ?? false;
  const code = isProblem ? ((await answer.json()) as { code: string }).code : "";
  stop.abort();
  return { status: answer.status, code };
}

describe("every address of the admin API", () => {
  test.each(endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
    "%s",
    async (_name, { method, path, scope }) => {
      const isOpen = scope === null;
      const address = pathOf(path);
      // What streams or redirects is asked for no longer than it takes to know whether one may.
      const ask = async (headers: Record<string, string>) => {
        const stop = new AbortController();
        const answer = await fetch(`${desk.gateway.origin}/admin/api${address}`, {
          method,
          headers,
          redirect: "manual",
          signal: stop.signal,
        });
        stop.abort();
        return answer.status;
      };
      const nobody: Record<string, string>[] = [
        {},
        { authorization: `Bearer ${desk.gateway.key}` },
        { authorization: "Bearer wrong" },
        { cookie: "trunkline_session=wrong" },
        { authorization: `Basic ${Buffer.from("nobody").toString("base64")}` },
      ];
      for (const headers of nobody.slice(0, 4))
        if (isOpen) expect([401, 403]).not.toContain(await ask({ ...headers, cookie: "" }));
        else expect([headers, await ask(headers)]).toEqual([headers, 401]);
      for (const role of ["viewer", "operator", "admin"] as const) {
        const mayAsk = isOpen || scope === "signed-in" || scopesOf[role].includes(scope);
        // The session they are signed in with is not to be ended.
        const { status, code } = await mayBe(role, method, address);
        if (mayAsk) {
          expect([role, status]).not.toEqual([role, 403]);
          expect(status).toBeLessThan(500);
        } else expect([role, status, code]).toEqual([role, 403, "not_permitted"]);
      }
    },
  );
});

test("says who may what in its description, too", async () => {
  const { body } = await desk.as("viewer")("GET", "/openapi.json");
  for (const { method, path, scope } of endpoints) {
    const described = body.paths[`/admin/api${path.replace("/*", "/{name}")}`][method.toLowerCase()];
    expect(described["x-scope"]).toBe(scope);
    expect(described.responses.default.content["application/problem+json"].schema.$ref).toBe(
      "#/components/schemas/Problem",
    );
  }
});

test("less rights take effect at once", async () => {
  const cookie = await desk.signIn("operator", "staple of the others");
  const asked = desk.withCookie(cookie);
  expect((await asked("GET", "/audit")).status).toBe(200);
  const users = (await desk.as("admin")("GET", "/users")).body.items as { id: string; name: string }[];
  const { id } = users.find(({ name }) => name === "operator")!;
  const change = (body: object) => desk.as("admin")("PATCH", `/users/${id}`, body, { "if-match": "*" });
  await change({ role: "viewer" });
  expect((await asked("GET", "/audit")).status).toBe(403);
  await change({ active: false });
  expect((await asked("GET", "/keys")).status).toBe(401);
  await change({ role: "operator", active: true });
  // Its session was ended, not put to sleep.
  expect((await asked("GET", "/keys")).status).toBe(401);
});

test("nobody locks everybody out", async () => {
  const admin = desk.as("admin");
  const users = (await admin("GET", "/users")).body.items as { id: string; name: string }[];
  const { id } = users.find(({ name }) => name === "admin")!;
  for (const change of [{ role: "viewer" }, { active: false }, { password: null }])
    expect((await admin("PATCH", `/users/${id}`, change, { "if-match": "*" })).status).toBe(409);
  expect((await admin("DELETE", `/users/${id}`, undefined, { "if-match": "*" })).status).toBe(409);
});
