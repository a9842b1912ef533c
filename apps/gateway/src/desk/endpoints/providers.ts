import {
  limitView,
  madeAccount,
  modelView,
  newAccount,
  pageOf,
  pageQuery,
  providerTest,
  providerView,
  quotaView,
  restView,
  type ModelView,
  type ProviderView,
  type QuotaView,
  type RestView,
} from "@trunkline/admin/api";
import { GatewayError, toGatewayError, type AccountReport, type KillSwitch } from "@trunkline/contracts";
import { compileGlob } from "@trunkline/policies";
import { driverNames, type Provider } from "@trunkline/providers";
import { z } from "zod";
import { addAccount, removeAccount } from "../../config/accounts.ts";
import type { Gateway } from "../../gateway-types.ts";
import { isoTime } from "../../iso-time.ts";
import { providerNamed } from "../../provider-named.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { pageOfAll } from "../page.ts";

const tag = "Providers";
const byName = z.object({ name: z.string().max(256) });
/** Milliseconds a provider gets to list its models when it is tested. */
const testMs = 20_000;

function shownRests({ targets }: Gateway): RestView[] {
  return targets.health.resting(Date.now()).map((rest) => ({
    provider: rest.provider,
    model: rest.model,
    state: rest.kind,
    since: isoTime(rest.since)!,
    until: isoTime(rest.until)!,
    code: rest.code,
    reason: rest.reason,
    asked_when_alone: rest.isLastResort,
  }));
}

function shownQuota(provider: string, { name, windows }: AccountReport): QuotaView[] {
  return windows.map((window) => ({
    provider,
    account: name,
    type: window.type,
    status: window.status,
    utilization: window.utilization,
    resets: isoTime(window.resetsAt),
    observed: isoTime(window.observedAt),
  }));
}

async function shownProvider(
  gateway: Gateway,
  provider: Provider,
  rests: readonly RestView[],
  switches: readonly KillSwitch[],
): Promise<ProviderView> {
  const { name, signIn, program } = provider;
  const accounts = (await provider.accounts?.()) ?? [];
  const resting = rests.filter((rest) => rest.provider === name);
  const killed = switches.find(
    ({ scope, name: of }) => scope === "everything" || (scope === "provider" && of === name),
  );
  const isSignedOut = accounts.length > 0 && accounts.every(({ state }) => state === "signed-out");
  const credential = signIn ? await gateway.store.credentials.load(name) : undefined;
  const needsSignIn = signIn !== undefined && (credential === undefined || credential.state !== "ready");
  const isResting = resting.some(({ model }) => model === null) || accounts.some(({ state }) => state === "resting");
  const status = killed ? "off" : isSignedOut || needsSignIn ? "signed-out" : isResting ? "resting" : "ok";
  const problem =
    killed?.reason ??
    (needsSignIn ? (credential?.problem ?? "nobody is signed in") : undefined) ??
    accounts.find(({ reason }) => reason !== null)?.reason ??
    resting.find(({ model }) => model === null)?.reason ??
    null;
  const probe = gateway.probes.found(name);
  return {
    name,
    kind: provider.kind,
    family: provider.family,
    status,
    problem: status === "ok" ? null : problem,
    program: program ?? null,
    sign_in: signIn ? (signIn.oauth ? "oauth" : "credential") : program === undefined ? null : "program",
    queue: provider.queue?.() ?? null,
    accounts: accounts.map((account) => ({
      name: account.name,
      state: account.state,
      reason: account.reason,
      until: isoTime(account.until),
      quota: shownQuota(name, account),
    })),
    resting,
    killed: killed ? killed.reason || "switched off" : null,
    last_probe: probe ?? null,
    capabilities: { ...provider.capabilities },
    configured: Object.hasOwn(gateway.writtenProviders(), name),
  };
}

export async function shownProviders(gateway: Gateway): Promise<ProviderView[]> {
  const rests = shownRests(gateway);
  const switches = await gateway.killSwitches();
  const { providers, failures } = gateway.current;
  return [
    ...(await Promise.all(providers.map((provider) => shownProvider(gateway, provider, rests, switches)))),
    ...failures.map(({ name, reason }): ProviderView => ({
      name,
      kind: "",
      family: "",
      status: "unavailable",
      problem: reason,
      program: null,
      sign_in: null,
      queue: null,
      accounts: [],
      resting: [],
      killed: null,
      last_probe: null,
      capabilities: {},
      configured: true,
    })),
  ];
}

async function shownModels(gateway: Gateway): Promise<ModelView[]> {
  const { exchange, config, loadPrices, tariff } = gateway.current;
  await loadPrices();
  const switches = await gateway.killSwitches();
  const globs = switches.filter(({ scope }) => scope === "model").map(({ name }) => compileGlob(name));
  const models = await exchange.catalogue.list();
  return models.map(({ id, provider, inputTokenLimit }): ModelView => {
    const target = `${provider.name}/${id}`;
    return {
      id,
      provider: provider.name,
      aliases: Object.entries(config.aliases)
        .filter(([, of]) => of === id || of === target)
        .map(([alias]) => alias),
      price: tariff(provider.name, id),
      capabilities: { ...provider.capabilities },
      context: inputTokenLimit ?? null,
      killed: globs.some((matches) => matches(id) || matches(target)),
    };
  });
}

export const providerEndpoints = [
  endpoint({
    method: "GET",
    path: "/providers",
    tag,
    summary: "Sources of models, how they are, and their accounts",
    scope: "providers:read",
    query: pageQuery,
    answer: pageOf(providerView),
    run: async ({ gateway, query }) => pageOfAll(await shownProviders(gateway), query, ({ name }) => name),
  }),
  endpoint({
    method: "GET",
    path: "/providers/{name}",
    tag,
    summary: "One provider",
    scope: "providers:read",
    params: byName,
    answer: providerView,
    async run({ gateway, params }) {
      const found = (await shownProviders(gateway)).find(({ name }) => name === params.name);
      if (!found) throw notFound(`provider '${params.name}'`);
      return found;
    },
  }),
  endpoint({
    method: "POST",
    path: "/providers/{name}/test",
    tag,
    summary: "Ask a provider for its models, which costs no tokens, and its accounts for their quota",
    scope: "providers:operate",
    params: byName,
    answer: providerTest,
    async run({ gateway, params }) {
      const provider = providerNamed(gateway.current, params.name);
      const from = performance.now();
      const took = () => Math.round(performance.now() - from);
      try {
        const models = await provider.listModels(AbortSignal.timeout(testMs));
        const problems = (await provider.refreshQuota?.()) ?? [];
        gateway.targets.health.reachable(provider.name, Date.now());
        const problem = problems.map((one) => `${one.account}: ${one.problem}`).join("; ");
        return { ok: problem === "", models: models.length, duration_ms: took(), problem: problem || null };
      } catch (error) {
        return { ok: false, models: null, duration_ms: took(), problem: toGatewayError(error).message };
      }
    },
  }),
  endpoint({
    method: "POST",
    path: "/providers/{name}/accounts",
    tag,
    summary: "Add an account to a vendor's program; it is signed in at the terminal",
    scope: "providers:sign-in",
    params: byName,
    body: newAccount,
    answer: madeAccount,
    status: 201,
    async run({ gateway, params, body, audited }) {
      const provider = gateway.current.providers.find(({ name }) => name === params.name);
      const isProgram = provider?.program !== undefined || driverNames.some((driver) => driver === params.name);
      if (!isProgram)
        throw new GatewayError("invalid_request", `'${params.name}' is no vendor's program: it has no accounts.`);
      await audited("account.create", `${params.name}/${body.name}`, async () => ({ result: undefined, after: body }));
      addAccount(gateway.home, params.name, body.name, { planLimitsOnly: body.plan_limits_only });
      return {
        name: body.name,
        sign_in_command: `npx trunkline accounts login ${params.name} ${body.name} && npx trunkline restart`,
      };
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/providers/{name}/accounts/{account}",
    tag,
    summary: "Remove an account with its own home",
    scope: "providers:sign-in",
    params: z.object({ name: z.string().max(256), account: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i) }),
    status: 204,
    async run({ gateway, params, audited }) {
      const provider = providerNamed(gateway.current, params.name);
      const accounts = (await provider.accounts?.()) ?? [];
      if (!accounts.some(({ name }) => name === params.account)) throw notFound(`account '${params.account}'`);
      await audited("account.delete", `${params.name}/${params.account}`, async () => ({ result: undefined }));
      removeAccount(gateway.home, params.name, params.account);
    },
  }),
  endpoint({
    method: "GET",
    path: "/quota",
    tag,
    summary: "What every account has used up of its plan's windows",
    scope: "providers:read",
    query: pageQuery,
    answer: pageOf(quotaView),
    async run({ gateway, query }) {
      const all = (await shownProviders(gateway)).flatMap(({ accounts }) => accounts.flatMap(({ quota }) => quota));
      return pageOfAll(all, query, ({ provider, account, type }) => `${provider}/${account}/${type}`);
    },
  }),
  endpoint({
    method: "GET",
    path: "/models",
    tag: "Models",
    summary: "Every model of every provider, with what it costs and can",
    scope: "models:read",
    query: z.strictObject({ ...pageQuery.shape, text: z.string().max(200).optional().describe("In its name.") }),
    answer: pageOf(modelView),
    async run({ gateway, query }) {
      const { text = "" } = query;
      const wanted = text.toLowerCase();
      const models = await shownModels(gateway);
      const found = models.filter(({ id, provider }) => `${provider}/${id}`.toLowerCase().includes(wanted));
      return pageOfAll(found, query, ({ id, provider }) => `${provider}/${id}`);
    },
  }),
  endpoint({
    method: "GET",
    path: "/targets",
    tag,
    summary: "What is not asked for a while, what for and until when",
    scope: "providers:read",
    query: pageQuery,
    answer: pageOf(restView),
    run: async ({ gateway, query }) =>
      pageOfAll(shownRests(gateway), query, ({ provider, model }) => `${provider}/${model ?? ""}`),
  }),
  ...["/targets/{provider}", "/targets/{provider}/{model}"].map((path) =>
    endpoint({
      method: "DELETE",
      path,
      tag,
      summary: "Ask a target again at once",
      scope: "providers:operate",
      params: z.object({ provider: z.string().max(256), model: z.string().max(256).optional() }),
      answer: z.object({ reset: z.boolean() }),
      async run({ gateway, params, audited }) {
        const { provider, model } = params;
        const target = model === undefined ? provider : `${provider}/${model}`;
        await audited("target.reset", target, async () => ({ result: undefined }));
        return { reset: gateway.targets.health.reset(provider, model) };
      },
    }),
  ),
  endpoint({
    method: "GET",
    path: "/limits",
    tag: "Keys",
    summary: "What is used up of every limit and budget, nearest to its end first",
    scope: "keys:read",
    query: pageQuery,
    answer: pageOf(limitView),
    async run({ gateway, query }) {
      const limits = (await gateway.limits()) as readonly z.output<typeof limitView>[];
      return pageOfAll(limits, query, ({ subject, limit }) => `${subject} ${limit}`);
    },
  }),
];
