import { randomBytes, timingSafeEqual } from "node:crypto";
import { GatewayError, newId, toGatewayError, type KeptCredential, type Login } from "@trunkline/contracts";
import { CredentialRefused, type CodeSecrets, type OAuthClient, type Provider } from "@trunkline/providers";
import type { Store } from "@trunkline/store";

/** Milliseconds a person gets to sign in. */
const loginMs = 10 * 60_000;

export type BegunLogin = {
  readonly id: string;
  readonly provider: string;
  readonly flow: "code" | "device";
  readonly expiresAt: number;
  /** Code: the authorization server's page, and what to send a browser that can reach this gateway to. */
  readonly url?: string;
  readonly ticket?: string;
  /** Device: where the person goes, and what is typed in there. */
  readonly verificationUri?: string;
  readonly verificationUriComplete?: string;
  readonly userCode?: string;
};

export type SignIns = ReturnType<typeof createSignIns>;

const random = () => randomBytes(24).toString("base64url");
const isSame = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/** Sign-ins of operators to providers: begun here, ended by the person, kept in the store. */
export function createSignIns(store: Pick<Store, "credentials" | "logins">, provider: (name: string) => Provider) {
  const polling = new Set<AbortController>();

  function oauthOf(name: string): OAuthClient {
    const { signIn, kind } = provider(name);
    if (signIn?.oauth) return signIn.oauth;
    throw new GatewayError(
      "invalid_request",
      signIn
        ? `The provider '${name}' (${kind}) has no sign-in of its own: hand in its credential with POST /v1/auth/${name} or \`trunkline login ${name}\`.`
        : `The provider '${name}' (${kind}) is not signed in to here.`,
    );
  }

  async function keep(name: string, credential: KeptCredential, skewMs = 0): Promise<void> {
    await store.credentials.put(name, { credential, state: "ready", problem: null, skewMs });
    provider(name).signIn?.changed();
  }

  async function begin(
    name: string,
    flow: "code" | "device",
    secrets: Login["secrets"],
    lifeMs: number,
  ): Promise<Login> {
    const now = Date.now();
    const login: Login = {
      id: newId("login_"),
      provider: name,
      flow,
      status: "pending",
      problem: null,
      createdAt: now,
      expiresAt: now + lifeMs,
      secrets,
    };
    await store.logins.create(login);
    return login;
  }

  /** Ends a sign-in with what `finish` obtains. Throws GatewayError, and then the sign-in has failed. */
  async function end(login: Login, finish: () => ReturnType<OAuthClient["refresh"]>): Promise<void> {
    try {
      const { credential, skewMs } = await finish();
      await keep(login.provider, credential, skewMs);
      await store.logins.end(login.id, "done", null);
    } catch (thrown) {
      const error =
        thrown instanceof CredentialRefused
          ? new GatewayError("invalid_request", `${thrown.message}. Begin the sign-in anew.`)
          : toGatewayError(thrown);
      await store.logins.end(login.id, "failed", error.message);
      throw error;
    }
  }

  function check(login: Login | undefined, name: string): asserts login is Login {
    if (!login || login.provider !== name || login.flow !== "code")
      throw new GatewayError("not_found", "There is no such sign-in. Begin it anew.");
    if (login.expiresAt < Date.now())
      throw new GatewayError("invalid_request", "The sign-in took longer than ten minutes. Begin it anew.");
    if (login.status !== "pending")
      throw new GatewayError("conflict", "This sign-in has ended already. Begin it anew.");
  }

  return {
    async beginCode(name: string, ownRedirectUri: string): Promise<BegunLogin> {
      const oauth = oauthOf(name);
      const { url, secrets } = await oauth.authorizationUrl(oauth.settings.redirectUri ?? ownRedirectUri);
      const ticket = random();
      const { id, expiresAt } = await begin(name, "code", { ...secrets, url, ticket, browser: random() }, loginMs);
      return { id, provider: name, flow: "code", expiresAt, url, ticket: `${id}.${ticket}` };
    },
    /** The person types a code in wherever there is a browser; what comes of it is found by `find`. */
    async beginDevice(name: string): Promise<BegunLogin> {
      const oauth = oauthOf(name);
      if (!(await oauth.supportsDevice()))
        throw new GatewayError(
          "invalid_request",
          `The authorization server of '${name}' has no device flow. Sign in with a browser, or without \`--device\`.`,
        );
      const device = await oauth.beginDevice();
      const login = await begin(name, "device", {}, Math.min(device.expiresInMs, 30 * 60_000));
      const stop = new AbortController();
      polling.add(stop);
      const giveUp = setTimeout(() => stop.abort(), login.expiresAt - Date.now());
      void end(login, () => device.finish(stop.signal))
        .catch(() => {})
        .finally(() => {
          clearTimeout(giveUp);
          polling.delete(stop);
        });
      return {
        id: login.id,
        provider: name,
        flow: "device",
        expiresAt: login.expiresAt,
        verificationUri: device.verificationUri,
        ...(device.verificationUriComplete === undefined
          ? {}
          : { verificationUriComplete: device.verificationUriComplete }),
        userCode: device.userCode,
      };
    },
    supportsDevice: (name: string) => oauthOf(name).supportsDevice(),
    find: (id: string) => store.logins.find(id),
    /** Sends a browser that shows the ticket on its way; it is known again by the cookie. */
    async openTicket(name: string, ticket: string): Promise<{ readonly url: string; readonly cookie: string }> {
      const at = ticket.indexOf(".");
      const login = await store.logins.find(ticket.slice(0, at));
      check(login, name);
      if (!isSame(ticket.slice(at + 1), login.secrets["ticket"]!))
        throw new GatewayError("not_found", "There is no such sign-in. Begin it anew.");
      return { url: login.secrets["url"]!, cookie: `${login.id}.${login.secrets["browser"]}` };
    },
    /**
     * The browser has come back. `cookie` shows that it is the one the sign-in began in: without it, anybody could have this gateway
     * signed in with an account of theirs. An operator who pastes the address names the sign-in instead.
     */
    async finish(
      name: string,
      address: URL,
      by: { readonly cookie: string } | { readonly login: string },
    ): Promise<void> {
      const [id, browser] = "cookie" in by ? by.cookie.split(".") : [by.login, undefined];
      const login = await store.logins.find(id ?? "");
      check(login, name);
      const { state, browser: expected } = login.secrets;
      if ("cookie" in by && !isSame(browser ?? "", expected!))
        throw new GatewayError("not_found", "There is no such sign-in. Begin it anew.");
      // A forged answer must not end a sign-in that is still going on.
      if (!isSame(address.searchParams.get("state") ?? "", state!))
        throw new GatewayError(
          "invalid_request",
          "This answer belongs to another sign-in: its `state` is not the one that was sent. Nothing was changed.",
        );
      if (!(await store.logins.claim(login.id)))
        throw new GatewayError("conflict", "This sign-in has ended already. Begin it anew.");
      await end(login, () => oauthOf(name).finishCode(address, login.secrets as CodeSecrets & Login["secrets"]));
    },
    async handIn(name: string, given: unknown): Promise<void> {
      const { signIn, kind } = provider(name);
      if (!signIn)
        throw new GatewayError("invalid_request", `The provider '${name}' (${kind}) keeps no credential here.`);
      await keep(name, signIn.accept(given));
    },
    /** Signs out: revoked at the authorization server where it can be, and forgotten here in any case. */
    async remove(name: string): Promise<{ readonly revoked: boolean; readonly problem: string | null }> {
      const { signIn } = provider(name);
      const record = await store.credentials.load(name);
      if (!record) throw new GatewayError("not_found", `Nobody is signed in to '${name}'.`);
      let revoked = false;
      let problem: string | null = null;
      try {
        revoked = (await signIn?.oauth?.revoke(record.credential)) ?? false;
      } catch (error) {
        problem = error instanceof CredentialRefused ? error.message : toGatewayError(error).message;
      }
      await store.credentials.remove(name);
      signIn?.changed();
      return { revoked, problem };
    },
    stop() {
      for (const controller of polling) controller.abort();
    },
  };
}
