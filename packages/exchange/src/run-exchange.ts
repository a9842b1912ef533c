import {
  GatewayError,
  toGatewayError,
  usageOf,
  type Attempt,
  type Conversation,
  type Outcome,
} from "@trunkline/contracts";
import { bodyOf, dialects, encodeCount } from "@trunkline/dialects";
import { refusalOf, type AnswerRedaction, type PolicyContext } from "@trunkline/policies";
import type { AnswerSink, ProviderCall, ProviderRequest } from "@trunkline/providers";
import { createAnswerWriter, type AnswerWriter } from "./answer-writer.ts";
import type { Target } from "./catalogue.ts";
import type { ClientAnswer } from "./client-answer.ts";
import type { Incoming } from "./incoming.ts";
import { claudeCodeTarget } from "./claude-code-mode.ts";
import { fallbackTarget } from "./fallback.ts";
import { cannot, checkAllowed, clientClosed, keptElsewhere, noSessions } from "./refusals.ts";
import { inputItems, withPrevious } from "./response-state.ts";
import type { ExchangeRuntime } from "./runtime.ts";
import { exchangeRecord } from "./exchange-record.ts";
import { targetHeaders } from "./target-headers.ts";
import { errorAnswer, writeError } from "./write-error.ts";

const pauseBetweenAttemptsMs = 100;

/** One request's way through: policies, then the target, then the ledger. Never throws; the client always gets an answer. */
export async function runExchange(runtime: ExchangeRuntime, received: Incoming, answer: ClientAnswer): Promise<void> {
  const policyContext: PolicyContext = {
    requestId: received.id,
    dialect: received.dialect,
    operation: received.operation,
    secret: received.secret,
    key: undefined,
    killSwitches: [],
    model: received.model,
    answerHeaders: {},
    now: received.receivedAt,
  };
  let incoming = received;
  let target: Target | undefined;
  const attempts: Attempt[] = [];
  const degraded = new Set<string>();
  let settled = false;

  function headers(): Record<string, string> {
    return { ...policyContext.answerHeaders, ...targetHeaders(target, degraded) };
  }

  function refusal({ provider, model }: Target): GatewayError | undefined {
    return refusalOf(policyContext.killSwitches, { requested: incoming.model, provider: provider.name, model });
  }

  /** The row is queued before the last byte leaves. */
  function settle(outcome: Outcome, status: number, error: GatewayError | undefined, writer?: AnswerWriter): void {
    if (settled) return;
    settled = true;
    const record = exchangeRecord({
      incoming,
      target,
      keyId: policyContext.key?.id ?? "",
      outcome,
      status,
      error,
      observed: writer?.observed,
      degraded: [...degraded],
      attempts,
      endedAt: runtime.now(),
    });
    runtime.ledger.record(record);
    runtime.onFinished(record, error?.details.cause);
  }

  try {
    for (const policy of runtime.policies) {
      const waiting = policy(policyContext);
      if (waiting) await waiting;
    }
    const keyId = policyContext.key?.id ?? "";
    const previous =
      incoming.dialect === "openai-responses" ? await withPrevious(incoming.body, keyId, runtime.responses) : undefined;
    if (previous && previous.provider === null) incoming = { ...incoming, body: bodyOf(previous.body) };
    if (incoming.claudeCode === undefined) {
      const found = runtime.catalogue.resolve(incoming.model);
      target = found instanceof Promise ? await found : found;
    } else {
      target = await claudeCodeTarget(runtime.catalogue, incoming.model, incoming.claudeCode);
      policyContext.answerHeaders["x-backend-mode"] = incoming.claudeCode ? "claude-code" : "openai-passthrough";
    }
    const refused = refusal(target);
    if (refused) throw refused;
    if (incoming.session !== undefined && !target.provider.capabilities.sessions)
      throw noSessions(target.provider.name);
    if (policyContext.key) checkAllowed(policyContext.key, incoming.model, target);
    if (previous?.provider && previous.provider !== target.provider.name) throw keptElsewhere(previous.provider);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    settle("error", errorAnswer(error, incoming.dialect, incoming.id).status, error);
    writeError(answer, error, incoming.dialect, incoming.id, headers());
    return;
  }
  // Whoever left while the policies ran must not start a provider that bills.
  if (answer.isClosed()) return settle("cancelled", 499, clientClosed());

  let answering: Target = target;
  let decoded: Conversation | undefined;
  const conversation = () =>
    (decoded ??= {
      ...dialects[incoming.dialect].decodeRequest(incoming.body.whole(), incoming.model),
      stream: incoming.stream,
    });
  const requestTo = (model: string): ProviderRequest => ({
    id: incoming.id,
    operation: incoming.operation,
    dialect: incoming.dialect,
    model,
    requestedModel: incoming.model,
    stream: incoming.stream,
    body: incoming.body,
    batch: incoming.batch,
    headers: incoming.vendorHeaders,
    keyId: policyContext.key?.id ?? "",
    session: incoming.session,
    priority: incoming.priority,
    asEvents: redaction !== undefined,
    conversation,
  });
  const writer = createAnswerWriter({
    incoming,
    answer,
    echo: received.body,
    headers,
    heartbeatMs: runtime.heartbeatMs,
    now: runtime.now,
    upstreamModel: () => answering.model,
  });
  let call: ProviderCall | undefined;
  let redaction: AnswerRedaction | undefined;
  let closed = false;

  answer.onDrain(() => call?.resume());
  answer.onClose(() => {
    if (settled || closed) return;
    closed = true;
    call?.cancel();
    writer.abandon();
    settle("cancelled", 499, clientClosed(), writer);
  });

  function failed(raw: GatewayError): void {
    if (closed || settled) return;
    const error = redaction ? new GatewayError(raw.code, redaction.text(raw.message), raw.details) : raw;
    // The status is the one the client sees: 200 when the answer had begun.
    const status = writer.hasBegun() ? 200 : errorAnswer(error, incoming.dialect, incoming.id).status;
    settle("error", status, error, writer);
    writer.fail(error);
  }

  function succeeded(): void {
    const error = writer.finish();
    if (error) return failed(error);
    const keeping = keepResponse();
    // Without a wait in between, the last bytes leave together with the ones before.
    if (!keeping) return finish();
    keeping.then(finish, (thrown: unknown) => failed(toGatewayError(thrown)));
  }

  function finish(): void {
    if (closed) return;
    settle("ok", 200, undefined, writer);
    writer.close();
  }

  /** Only a response that has been kept may be announced as finished: the client may build on it at once. */
  function keepResponse(): Promise<void> | undefined {
    const { response, responseId } = writer.observed;
    if (incoming.dialect !== "openai-responses" || incoming.operation !== "generate") return undefined;
    if (!(incoming.body.member("store") ?? runtime.storeByDefault)) return undefined;
    const shared = { keyId: policyContext.key?.id ?? "", createdAt: incoming.receivedAt };
    if (response) {
      return runtime.responses.save({
        ...shared,
        id: String(response["id"]),
        provider: null,
        input: inputItems(incoming.body.whole()),
        response,
      });
    }
    return responseId === undefined
      ? undefined
      : runtime.responses.save({
          ...shared,
          id: responseId,
          provider: answering.provider.name,
          input: null,
          response: null,
        });
  }

  /** Goes on at the provider's stand-in, if it has one that has not been tried and nothing has been said. */
  async function fallBack(error: GatewayError): Promise<void> {
    if (writer.hasBegun() || incoming.session !== undefined) return failed(error);
    const found = await fallbackTarget(runtime.catalogue, answering, error);
    if (closed) return;
    if (!found || refusal(found) || attempts.some((past) => past.provider === found.provider.name))
      return failed(error);
    answering = target = found;
    attempt(1);
  }

  function attempt(number: number): void {
    const { provider, model } = answering;
    const startedAt = runtime.now();
    let status = 0;
    let over = false;
    const note = (error: GatewayError | undefined) => {
      attempts.push({
        provider: provider.name,
        model,
        startedAt,
        durationMs: runtime.now() - startedAt,
        status,
        error: error?.code ?? null,
        reason: error?.message ?? null,
      });
    };
    const slow = (fast: boolean) => {
      if (!fast) call?.pause();
    };
    const sink: AnswerSink = {
      head: ({ contentType }) => writer.head(contentType),
      data: (chunk) => slow(writer.data(chunk)),
      event(event) {
        if (!redaction) return slow(writer.event(event));
        for (const clean of redaction.event(event)) slow(writer.event(clean));
      },
      completion: (completion) => writer.completion(redaction?.completion(completion) ?? completion),
      json(body, tokens) {
        writer.observed.usage = usageOf({
          inputTokens: incoming.operation === "embed" ? tokens.input : 0,
          estimated: tokens.estimated,
        });
        writer.json(body);
      },
      headers(given) {
        Object.assign(policyContext.answerHeaders, given);
      },
      degraded(members) {
        for (const member of members) degraded.add(member);
      },
      status(given) {
        status = given;
      },
      done() {
        if (over || closed) return;
        over = true;
        note(undefined);
        succeeded();
      },
      fail(error) {
        if (over || closed) return;
        over = true;
        note(error);
        // Nothing was sent to a provider whose connection never stood: asking again is safe.
        const again =
          error.code === "upstream_unreachable" &&
          provider.program === undefined &&
          number < runtime.connectAttempts &&
          !writer.hasBegun();
        if (again) setTimeout(() => closed || attempt(number + 1), pauseBetweenAttemptsMs * number);
        else void fallBack(error);
      },
    };
    try {
      redaction = incoming.operation === "generate" ? runtime.redaction(provider.name, incoming.id) : undefined;
      call = provider.start(requestTo(model), sink);
    } catch (error) {
      sink.fail(toGatewayError(error));
    }
  }

  if (target.provider.supports(incoming.operation, incoming.dialect)) return attempt(1);
  try {
    if (incoming.operation !== "count-tokens") throw cannot(incoming, target.provider.name);
    const tokens = await runtime.countTokens(conversation());
    degraded.add("token_count.estimated");
    writer.json(encodeCount(incoming.dialect, tokens));
    succeeded();
  } catch (error) {
    failed(toGatewayError(error));
  }
}
