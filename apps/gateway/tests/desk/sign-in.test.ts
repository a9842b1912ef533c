import { TOTP } from "otpauth";
import { afterEach, describe, expect, test, vi } from "vitest";
import { adminPassword, sessionOf, startDesk, userPassword, type TestDesk } from "./desk.ts";

let desk: TestDesk;
afterEach(async () => {
  vi.restoreAllMocks();
  await desk?.close();
});

const tell = (name: string, password: string, more: object = {}, headers: Record<string, string> = {}) =>
  desk.withCookie("")("POST", "/session", { name, password, ...more }, headers);

describe("signing in", () => {
  test("makes a session whose cookie scripts cannot read and other sites do not send", async () => {
    desk = await startDesk();
    const answer = await tell("admin", adminPassword);
    expect([answer.status, answer.body]).toMatchObject([201, { name: "admin", role: "admin" }]);
    const [cookie] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^trunkline_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    const secure = await tell("admin", adminPassword, {}, { "x-forwarded-proto": "https" });
    expect(secure.headers.getSetCookie()[0]).toContain("; Secure");
    const asked = desk.withCookie(sessionOf(answer.headers));
    expect((await asked("GET", "/session")).body).toMatchObject({ name: "admin" });
    expect((await asked("DELETE", "/session")).status).toBe(200);
    expect((await asked("GET", "/session")).status).toBe(401);
  });

  test("takes no session somebody else has chosen", async () => {
    desk = await startDesk();
    const planted = "trunkline_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const answer = await desk.withCookie(planted)("POST", "/session", { name: "admin", password: adminPassword });
    expect(sessionOf(answer.headers)).not.toBe(planted);
    expect((await desk.withCookie(planted)("GET", "/session")).status).toBe(401);
  });

  test("says the same, and takes as long, whether there is such a user or not", async () => {
    desk = await startDesk();
    const [wrong, unknown] = [await tell("admin", "wrong"), await tell("nobody", "wrong")];
    expect([wrong.status, wrong.body.code]).toEqual([401, "invalid_key"]);
    expect({ ...wrong.body, request_id: "" }).toEqual({ ...unknown.body, request_id: "" });
  });

  test("is locked after too many failures, longer with each, for that name alone", async () => {
    desk = await startDesk();
    for (let turn = 0; turn < 5; turn++) expect((await tell("viewer", "wrong")).status).toBe(401);
    const locked = await tell("viewer", userPassword);
    expect([locked.status, locked.body.code]).toEqual([429, "locked_out"]);
    const first = Number(locked.headers.get("retry-after"));
    expect(first).toBeGreaterThan(20);
    // Scripts are no way around it.
    expect((await desk.as("viewer")("GET", "/keys")).status).toBe(429);
    expect((await tell("operator", userPassword)).status).toBe(201);
    const later = Date.now() + first * 1000 + 1000;
    vi.spyOn(Date, "now").mockImplementation(() => later);
    expect((await tell("viewer", "wrong")).status).toBe(401);
    expect(Number((await tell("viewer", userPassword)).headers.get("retry-after"))).toBeGreaterThan(first);
    vi.spyOn(Date, "now").mockImplementation(() => later + 3_600_000);
    expect((await tell("viewer", userPassword)).status).toBe(201);
  });

  test("can be switched off for passwords", async () => {
    desk = await startDesk({ admin: { password_sign_in: false } });
    expect((await tell("admin", adminPassword)).status).toBe(403);
    expect((await desk.withCookie("")("GET", "/sign-in")).body).toMatchObject({ password: false, who: null });
  });

  test("ends when it was not used for long, and after a week however it was used", async () => {
    desk = await startDesk();
    const start = Date.now();
    const cookie = await desk.signIn("admin", adminPassword);
    const at = (hours: number) => vi.spyOn(Date, "now").mockImplementation(() => start + hours * 3_600_000);
    const status = async () => (await desk.withCookie(cookie)("GET", "/session")).status;
    at(11);
    expect(await status()).toBe(200);
    at(22);
    expect(await status()).toBe(200);
    at(35);
    expect(await status()).toBe(401);
    const other = await desk.signIn("admin", adminPassword);
    let hours = 35;
    for (; hours < 35 + 7 * 24 - 10; hours += 10) {
      at(hours);
      expect((await desk.withCookie(other)("GET", "/session")).status).toBe(200);
    }
    at(35 + 7 * 24 + 1);
    expect((await desk.withCookie(other)("GET", "/session")).status).toBe(401);
  });
});

describe("a page of another site", () => {
  test("gets nothing for a session, whatever it sends along", async () => {
    desk = await startDesk();
    const cookie = await desk.signIn("admin", adminPassword);
    const key = { name: "x" };
    const foreign = desk.withCookie(cookie, "https://elsewhere.example");
    expect((await foreign("POST", "/keys", key)).body.code).toBe("foreign_origin");
    expect((await foreign("GET", "/keys")).status).toBe(403);
    // A browser that hides where a request comes from.
    for (const headers of [{ origin: "null" }, { origin: "", "sec-fetch-site": "cross-site" }, {}] as Record<
      string,
      string
    >[]) {
      const answer = await fetch(`${desk.gateway.origin}/admin/api/keys`, {
        method: "POST",
        headers: { cookie, "content-type": "application/json", ...headers },
        body: JSON.stringify(key),
      });
      expect([headers, answer.status]).toEqual([headers, 403]);
    }
    expect((await desk.withCookie(cookie)("POST", "/keys", key)).status).toBe(201);
    // Signing somebody in without their knowing would be a way in, too.
    expect((await tell("admin", adminPassword, {}, { origin: "https://elsewhere.example" })).status).toBe(403);
  });

  test("cannot send a form: only JSON is taken", async () => {
    desk = await startDesk();
    const cookie = await desk.signIn("admin", adminPassword);
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const answer = await desk.withCookie(cookie)("POST", "/keys", '{"name":"x"}', { "content-type": type });
      expect([type, answer.status]).toEqual([type, 400]);
    }
  });
});

describe("a second factor", () => {
  const codeOf = (secret: string, at: number) => new TOTP({ secret }).generate({ timestamp: at });

  test("is asked for once it was confirmed, and takes each code once", async () => {
    desk = await startDesk();
    const start = Date.now();
    const cookie = await desk.signIn("operator", userPassword);
    const asked = desk.withCookie(cookie);
    const { body } = await asked("POST", "/session/second-factor");
    expect(body.uri).toMatch(/^otpauth:\/\/totp\/Trunkline:operator\?/);
    // Not in force yet.
    expect((await tell("operator", userPassword)).status).toBe(201);
    expect((await asked("POST", "/session/second-factor/confirm", { code: "000000" })).status).toBe(400);
    const code = codeOf(body.secret, start);
    expect((await asked("POST", "/session/second-factor/confirm", { code })).status).toBe(204);

    const without = await tell("operator", userPassword);
    expect([without.status, without.body.code]).toEqual([401, "second_factor_needed"]);
    // The code that confirmed it was seen on the way: it is used up.
    expect((await tell("operator", userPassword, { code })).status).toBe(401);
    const at = (seconds: number) => vi.spyOn(Date, "now").mockImplementation(() => start + seconds * 1000);
    at(30);
    const next = codeOf(body.secret, start + 30_000);
    const both = await Promise.all([
      tell("operator", userPassword, { code: next }),
      tell("operator", userPassword, { code: next }),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 401]);
    // An older one is no better than a used one.
    expect((await tell("operator", userPassword, { code })).status).toBe(401);
    at(120);
    expect((await tell("operator", userPassword, { code: codeOf(body.secret, start + 120_000) })).status).toBe(201);
    // The secret is not readable in the database.
    const { database } = desk.gateway.started.gateway.store;
    const row = await database
      .selectFrom("users")
      .select("totp_secret")
      .where("name", "=", "operator")
      .executeTakeFirst();
    expect(row!.totp_secret).not.toContain(body.secret);
    // A script has no code to send.
    expect((await desk.as("operator")("GET", "/keys")).body.code).toBe("second_factor_needed");
  });

  test("can be taken away with a code of it, or by an admin", async () => {
    desk = await startDesk();
    const start = Date.now();
    const asked = desk.withCookie(await desk.signIn("viewer", userPassword));
    const { secret } = (await asked("POST", "/session/second-factor")).body;
    await asked("POST", "/session/second-factor/confirm", { code: codeOf(secret, start) });
    expect((await asked("DELETE", "/session/second-factor", { code: "000000" })).status).toBe(401);
    expect((await asked("DELETE", "/session/second-factor", { code: codeOf(secret, start) })).status).toBe(401);
    vi.spyOn(Date, "now").mockImplementation(() => start + 30_000);
    const code = codeOf(secret, start + 30_000);
    expect((await asked("DELETE", "/session/second-factor", { code })).status).toBe(204);
    expect((await tell("viewer", userPassword)).status).toBe(201);

    const again = (await asked("POST", "/session/second-factor")).body;
    await asked("POST", "/session/second-factor/confirm", { code: codeOf(again.secret, start + 30_000) });
    const users = (await desk.as("admin")("GET", "/users")).body.items as { id: string; name: string }[];
    const { id } = users.find(({ name }) => name === "viewer")!;
    expect((await desk.as("admin")("POST", `/users/${id}/reset-second-factor`)).status).toBe(204);
    expect((await tell("viewer", userPassword)).status).toBe(201);
  });
});

test("codes of a second factor are not guessed, neither from a session left open nor with the password", async () => {
  desk = await startDesk();
  const asked = desk.withCookie(await desk.signIn("viewer", userPassword));
  const start = Date.now();
  const { secret } = (await asked("POST", "/session/second-factor")).body;
  const code = new TOTP({ secret }).generate({ timestamp: start });
  await asked("POST", "/session/second-factor/confirm", { code });
  const statuses = [];
  for (let guess = 0; guess < 7; guess++) {
    // The right password, without a code, does not make the guesses forgotten.
    await desk.as("viewer")("GET", "/keys");
    statuses.push((await asked("DELETE", "/session/second-factor", { code })).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
  expect((await tell("viewer", userPassword, { code })).body.code).toBe("locked_out");
});

test("a new password takes the old one, and ends all other sessions", async () => {
  desk = await startDesk();
  const mine = desk.withCookie(await desk.signIn("viewer", userPassword));
  const other = desk.withCookie(await desk.signIn("viewer", userPassword));
  const next = "another long sentence";
  const change = (current: string) => mine("PUT", "/session/password", { current, next });
  expect((await change("wrong")).status).toBe(401);
  expect((await mine("PUT", "/session/password", { current: userPassword, next: "short" })).status).toBe(400);
  expect((await change(userPassword)).status).toBe(204);
  expect((await mine("GET", "/session")).status).toBe(200);
  expect((await other("GET", "/session")).status).toBe(401);
  expect((await tell("viewer", userPassword)).status).toBe(401);
  expect((await tell("viewer", next)).status).toBe(201);
});

test("sessions are listed, and ended by whose they are or by an admin", async () => {
  desk = await startDesk();
  const viewer = desk.withCookie(await desk.signIn("viewer", userPassword));
  const operator = desk.withCookie(await desk.signIn("operator", userPassword));
  const list = (await operator("GET", "/sign-ins")).body.items as { id: string; user: string; current: boolean }[];
  expect(list.map(({ user, current }) => [user, current]).toSorted()).toEqual([
    ["operator", true],
    ["viewer", false],
  ]);
  const { id } = list.find(({ user }) => user === "viewer")!;
  expect((await operator("DELETE", `/sign-ins/${id}`)).status).toBe(404);
  expect((await desk.as("admin")("DELETE", `/sign-ins/${id}`)).status).toBe(204);
  expect((await viewer("GET", "/session")).status).toBe(401);
  const own = list.find(({ user }) => user === "operator")!;
  expect((await operator("DELETE", `/sign-ins/${own.id}`)).status).toBe(204);
  expect((await operator("GET", "/session")).status).toBe(401);
});
