import type { Street } from "./street.ts";

type Manners = Street["manners"];

/** One row of the table: a route, a request, how the upstreams behave, and what must come of it. */
export type Case = {
  readonly name: string;
  /** Its pattern has `{n}`, so that each case has a route of its own. */
  readonly route?: { readonly pattern: string; readonly [member: string]: unknown };
  readonly model: string;
  readonly manners?: Manners;
  /** Requests before it, by the manners in which they are answered. */
  readonly before?: readonly Manners[];
  readonly request?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly dialect?: "anthropic-messages" | "gemini" | "openai-responses";
  readonly status?: number;
  readonly tried: readonly string[];
  readonly skipped?: readonly string[];
};

const both = ["a/small", "b/small"];
const all = ["a/small", "b/small", "c/small"];
const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];
const image = [
  { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }] },
];
const long = [{ role: "user", content: "word ".repeat(4000) }];
const when = (condition: object, target = "a/small") => ({ target, when: condition });
const only = (condition: object) => ({ pattern: "r{n}", targets: [when(condition), "b/small"] });
const times = (count: number, manners: Manners) => Array.from({ length: count }, () => manners);

const patterns: Case[] = [
  { name: "a name", route: { pattern: "p{n}", targets: ["a/small"] }, model: "p{n}", tried: ["a/small"] },
  {
    name: "a name in other letters",
    route: { pattern: "P{n}", targets: ["a/small"] },
    model: "p{n}",
    tried: ["a/small"],
  },
  {
    name: "a glob, its star taken over",
    route: { pattern: "p{n}-*", targets: ["b/*"] },
    model: "p{n}-large",
    tried: ["b/large"],
  },
  { name: "two stars", route: { pattern: "p{n}-*-*", targets: ["b/*.*"] }, model: "p{n}-x-y", tried: ["b/x.y"] },
  {
    name: "a regular expression and its group",
    route: { pattern: "/^p{n}-(large|small)$/", targets: ["c/$1"] },
    model: "p{n}-large",
    tried: ["c/large"],
  },
  {
    name: "a regular expression that could take for ever",
    route: { pattern: "/^p{n}(a+)+$/", targets: ["a/small"] },
    model: `p{n}${"a".repeat(200)}`,
    tried: ["a/small"],
  },
  { name: "provider/model without a route", model: "b/only-b", tried: ["b/only-b"] },
  { name: "a bare name without a route", model: "only-c", tried: ["c/only-c"] },
  {
    name: "a route over a provider's own name",
    route: { pattern: "a/over{n}", targets: ["b/small"] },
    model: "a/over{n}",
    tried: ["b/small"],
  },
  { name: "an alias", model: "alias-b", tried: ["b/small"] },
  { name: "an alias of an alias that a route takes", model: "alias-of-alias", tried: ["c/small"] },
  {
    name: "a thinking suffix",
    route: { pattern: "p{n}", targets: ["a/small"] },
    model: "p{n}(high)",
    tried: ["a/small"],
  },
  { name: "a thinking budget on a plain name", model: "only-a(16384)", tried: ["a/only-a"] },
  {
    name: "the first of two that match",
    route: { pattern: "p{n}*", targets: ["a/small"] },
    model: "p{n}-twice",
    tried: ["a/small"],
  },
  { name: "a name nobody has", model: "nobody-{n}", status: 404, tried: [] },
  { name: "a route whose providers are not there", model: "route-to-nowhere", status: 503, tried: [] },
  { name: "a route of which one provider is not there", model: "route-half-there", tried: ["b/small"] },
  { name: "a route with a mistake", model: "route-with-mistake", status: 503, tried: [] },
];

const conditions: Case[] = [
  { name: "dialect met", route: only({ dialect: ["openai-chat"] }), model: "r{n}", tried: ["a/small"] },
  {
    name: "dialect not met",
    route: only({ dialect: ["gemini"] }),
    model: "r{n}",
    tried: ["b/small"],
    skipped: ["a/small"],
  },
  {
    name: "dialect of Anthropic's client",
    route: only({ dialect: ["anthropic-messages"] }),
    model: "r{n}",
    dialect: "anthropic-messages",
    tried: ["a/small"],
  },
  {
    name: "dialect of Gemini's client",
    route: only({ dialect: ["gemini"] }),
    model: "r{n}",
    dialect: "gemini",
    tried: ["a/small"],
  },
  {
    name: "tools wanted and there",
    route: only({ tools: true }),
    model: "r{n}",
    request: { tools },
    tried: ["a/small"],
  },
  {
    name: "tools wanted and not there",
    route: only({ tools: true }),
    model: "r{n}",
    tried: ["b/small"],
    skipped: ["a/small"],
  },
  {
    name: "tools not wanted and there",
    route: only({ tools: false }),
    model: "r{n}",
    request: { tools },
    tried: ["b/small"],
    skipped: ["a/small"],
  },
  {
    name: "images wanted and there",
    route: only({ images: true }),
    model: "r{n}",
    request: { messages: image },
    tried: ["a/small"],
  },
  {
    name: "images not wanted and there",
    route: only({ images: false }),
    model: "r{n}",
    request: { messages: image },
    tried: ["b/small"],
    skipped: ["a/small"],
  },
  {
    name: "a stream wanted and not asked for",
    route: only({ stream: true }),
    model: "r{n}",
    tried: ["b/small"],
    skipped: ["a/small"],
  },
  {
    name: "a stream asked for",
    route: only({ stream: true }),
    model: "r{n}",
    request: { stream: true },
    tried: ["a/small"],
  },
  {
    name: "too long",
    route: only({ max_input_tokens: 1000 }),
    model: "r{n}",
    request: { messages: long },
    tried: ["b/small"],
    skipped: ["a/small"],
  },
  {
    name: "long enough",
    route: only({ min_input_tokens: 1000 }),
    model: "r{n}",
    request: { messages: long },
    tried: ["a/small"],
  },
  {
    name: "too short",
    route: only({ min_input_tokens: 1000 }),
    model: "r{n}",
    tried: ["b/small"],
    skipped: ["a/small"],
  },
  { name: "the key", route: only({ key: ["first"] }), model: "r{n}", tried: ["a/small"] },
  { name: "another key", route: only({ key: ["second*"] }), model: "r{n}", tried: ["b/small"], skipped: ["a/small"] },
  {
    name: "a header",
    route: only({ header: { "X-Team": "res*" } }),
    model: "r{n}",
    headers: { "x-team": "research" },
    tried: ["a/small"],
  },
  {
    name: "a header of another value",
    route: only({ header: { "x-team": "res*" } }),
    model: "r{n}",
    headers: { "x-team": "sales" },
    tried: ["b/small"],
    skipped: ["a/small"],
  },
  { name: "all day", route: only({ time: { from: "00:00", to: "23:59" } }), model: "r{n}", tried: ["a/small"] },
  {
    name: "no target takes it",
    route: { pattern: "r{n}", targets: [when({ tools: true }), when({ images: true }, "b/small")] },
    model: "r{n}",
    status: 503,
    tried: [],
    skipped: ["a/small", "b/small"],
  },
];

const failover = (name: string, manner: Manners["a"], more: Partial<Case> = {}): Case => ({
  name,
  route: { pattern: "f{n}", targets: both },
  model: "f{n}",
  manners: { a: manner! },
  tried: both,
  ...more,
});

const failures: Case[] = [
  failover("500", "e500"),
  failover("503", "e503"),
  failover("529", "e529"),
  failover("429", "e429"),
  failover("429 that says nothing of when", "e429bare"),
  failover("401", "e401"),
  failover("402", "e402"),
  failover("403", "e403"),
  failover("404", "e404"),
  failover("504", "e504"),
  failover("silence", "silent"),
  failover("a connection cut", "reset"),
  failover("an empty stream", "empty", { request: { stream: true } }),
  failover("an error behind a stream's opening", "late", { request: { stream: true } }),
  failover("half an answer is not answered twice", "half", { request: { stream: true }, tried: ["a/small"] }),
  failover("a request that is at fault itself", "rejected", { tried: ["a/small"], status: 400 }),
  failover("too long a context, which is the request's own fault", "context", { tried: ["a/small"], status: 400 }),
  failover("a refused content, which is the request's own fault", "filter", { tried: ["a/small"], status: 400 }),
  failover("too long a context where that is wanted", "context", {
    route: { pattern: "f{n}", fallback_on: ["context_length"], targets: both },
  }),
  failover("a refused content where that is wanted", "filter", {
    route: { pattern: "f{n}", fallback_on: ["content_filter"], targets: both },
  }),
  failover("only what the target names", "e500", {
    route: { pattern: "f{n}", targets: [{ target: "a/small", fallback_on: ["rate_limit"] }, "b/small"] },
    tried: ["a/small"],
    status: 500,
  }),
  failover("both fail", "e500", { manners: { a: "e500", b: "e429" }, status: 429 }),
  failover("all three", "e500", {
    route: { pattern: "f{n}", targets: all },
    manners: { a: "e500", b: "reset" },
    tried: all,
  }),
  failover("not where the client forbids it", "e500", {
    headers: { "x-shellm-allow-fallback": "false" },
    tried: ["a/small"],
    status: 500,
  }),
  failover("to the client's own choice in the end", "e500", {
    headers: { "x-shellm-fallback-provider": "c" },
    manners: { a: "e500", b: "e500" },
    tried: all,
  }),
  {
    name: "of a plain name to the client's own choice",
    model: "a/small",
    headers: { "x-shellm-fallback-provider": "b" },
    manners: { a: "e500" },
    tried: both,
  },
];

const rests: Case[] = [
  failover("after a fault the other goes first", "ok", { before: [{ a: "e500" }], tried: ["b/small"] }),
  failover("after a refused credential too", "ok", { before: [{ a: "e401" }], tried: ["b/small"] }),
  failover("of two that rest the one that is back first", "ok", {
    before: [{ a: "e401", b: "e500" }],
    tried: ["b/small"],
  }),
  failover("a rate limit whose end is known is waited for", "ok", {
    before: [{ a: "e429" }],
    tried: ["b/small"],
    skipped: ["a/small"],
  }),
  failover("rate limits everywhere", "ok", {
    before: [{ a: "e429", b: "e429" }],
    tried: [],
    skipped: both,
    status: 429,
  }),
  {
    name: "the only target rests and is asked all the same",
    model: "a/small",
    before: [{ a: "e500" }],
    tried: ["a/small"],
  },
  { name: "a refused credential of the only target", model: "a/small", before: [{ a: "e401" }], tried: ["a/small"] },
  {
    name: "the only target's rate limit",
    model: "a/small",
    before: [{ a: "e429" }],
    tried: [],
    skipped: ["a/small"],
    status: 429,
  },
  {
    name: "the breaker of the only target",
    model: "a/small",
    before: times(4, { a: "e500" }),
    tried: [],
    skipped: ["a/small"],
    status: 503,
  },
  { name: "one fault less leaves it closed", model: "a/small", before: times(3, { a: "e500" }), tried: ["a/small"] },
  {
    name: "a success in between closes it",
    model: "a/small",
    before: [...times(3, { a: "e500" }), {}, ...times(3, { a: "e500" })],
    tried: ["a/small"],
  },
  failover("a breaker that is open passes over", "ok", {
    before: times(4, { a: "e500", b: "e500" }),
    manners: {},
    tried: [],
    skipped: both,
    status: 503,
  }),
];

const strategies: Case[] = [
  {
    name: "round robin goes on",
    route: { pattern: "s{n}", strategy: "round-robin", targets: all },
    model: "s{n}",
    before: [{}],
    tried: ["b/small"],
  },
  {
    name: "round robin comes back",
    route: { pattern: "s{n}", strategy: "round-robin", targets: all },
    model: "s{n}",
    before: [{}, {}, {}],
    tried: ["a/small"],
  },
  {
    name: "weights",
    route: { pattern: "s{n}", strategy: "weighted", targets: [{ target: "a/small", weight: 3 }, "b/small"] },
    model: "s{n}",
    before: [{}],
    tried: ["a/small"],
  },
  {
    name: "weights: one in four",
    route: { pattern: "s{n}", strategy: "weighted", targets: [{ target: "a/small", weight: 3 }, "b/small"] },
    model: "s{n}",
    before: [{}, {}],
    tried: ["b/small"],
  },
  {
    name: "a share of none only stands in",
    route: {
      pattern: "s{n}",
      strategy: "round-robin",
      targets: [{ target: "c/small", weight: 0 }, "a/small", "b/small"],
    },
    model: "s{n}",
    before: [{}, {}],
    manners: { a: "e500" },
    tried: ["a/small", "b/small"],
  },
  {
    name: "least busy",
    route: { pattern: "s{n}", strategy: "least-busy", targets: both },
    model: "s{n}",
    tried: ["a/small"],
  },
  {
    name: "cheapest",
    route: { pattern: "s{n}", strategy: "cheapest", targets: ["a/small", "b/large"] },
    model: "s{n}",
    tried: ["b/large"],
  },
  {
    name: "sticky keeps to the conversation",
    route: { pattern: "s{n}", strategy: "sticky", targets: ["a/small"] },
    model: "s{n}",
    headers: { "x-session-id": "s1" },
    tried: ["a/small"],
  },
  {
    name: "what has not been measured goes first",
    route: { pattern: "s{n}", strategy: "lowest-latency", targets: ["c/small", "b/unmeasured"] },
    model: "s{n}",
    tried: ["b/unmeasured"],
  },
];

export const cases: readonly Case[] = [...patterns, ...conditions, ...failures, ...rests, ...strategies];
