import type { Attributes, HrTime, SpanContext, SpanStatus } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Attempt, ExchangeRecord, TraceContext } from "@trunkline/contracts";
import type { PricedExchange } from "@trunkline/store";
import { version } from "../../version.ts";
import { general, genAi, own, vendorNames } from "./attributes.ts";
import { newSpanId } from "./trace-context.ts";

// Values of enums of @opentelemetry/api, which are loaded only with the exporter.
const serverKind = 1;
const clientKind = 2;
const okStatus: SpanStatus = { code: 1 };
const sampled = 1;

const operations: Readonly<Record<string, string>> = {
  generate: "chat",
  embed: "embeddings",
  "count-tokens": "count_tokens",
};

const none: never[] = [];
const scope = { name: "trunkline", version };

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

function contextOf({ traceId }: TraceContext, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: sampled, isRemote: false };
}

function attributesOf({ record, costNanoUsd }: PricedExchange, family: string): Attributes {
  const { usage } = record;
  const attributes: Attributes = {
    [genAi.operation]: operations[record.operation]!,
    [genAi.provider]: vendorNames[family] ?? (family || record.provider),
    [genAi.requestModel]: record.requestedModel,
    [genAi.requestStream]: record.stream,
    [genAi.responseModel]: record.model,
    [general.status]: record.status,
    [own.id]: record.id,
    [own.key]: record.keyId,
    [own.provider]: record.provider,
    [own.route]: record.route,
    [own.dialect]: record.dialect,
    [own.outcome]: record.outcome,
    [own.attempts]: record.attempts.length,
  };
  if (record.client !== "") attributes[general.userAgent] = record.client;
  if (record.errorCode !== null) attributes[general.error] = record.errorCode;
  if (record.finishReason !== null) attributes[genAi.finishReasons] = [record.finishReason];
  if (record.sessionId !== null) attributes[genAi.conversation] = record.sessionId;
  if (record.cache !== null) attributes[own.cache] = record.cache;
  if (record.stream && record.firstContentMs !== null)
    attributes[genAi.timeToFirstChunk] = record.firstContentMs / 1000;
  if (usage) {
    attributes[genAi.inputTokens] = usage.inputTokens;
    attributes[genAi.outputTokens] = usage.outputTokens;
    attributes[genAi.cacheReadTokens] = usage.cacheReadTokens;
    attributes[genAi.cacheWriteTokens] = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
    attributes[genAi.reasoningTokens] = usage.reasoningTokens;
    attributes[own.estimated] = usage.estimated;
  }
  if (costNanoUsd !== null) attributes[own.cost] = costNanoUsd;
  return attributes;
}

type Described = Pick<ReadableSpan, "name" | "kind" | "status" | "attributes"> & {
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startedAt: number;
  readonly durationMs: number;
};

function spanOf(described: Described, resource: Resource): ReadableSpan {
  const { name, kind, status, attributes, context, parent, startedAt, durationMs } = described;
  return {
    name,
    kind,
    status,
    attributes,
    spanContext: () => context,
    ...(parent ? { parentSpanContext: parent } : {}),
    startTime: hrTime(startedAt),
    endTime: hrTime(startedAt + durationMs),
    duration: hrTime(durationMs),
    links: none,
    events: none,
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function failed(code: string | null): SpanStatus {
  return code === null ? okStatus : { code: 2, message: code };
}

function attemptSpan(
  attempt: Attempt,
  number: number,
  { operation, trace }: ExchangeRecord,
  parent: SpanContext,
  family: string,
): Described {
  return {
    name: `${operations[operation]} ${attempt.model}`,
    kind: clientKind,
    status: failed(attempt.error),
    context: contextOf(trace!, newSpanId()),
    parent,
    startedAt: attempt.startedAt,
    durationMs: attempt.durationMs,
    attributes: {
      [genAi.operation]: operations[operation]!,
      [genAi.provider]: vendorNames[family] ?? (family || attempt.provider),
      [genAi.requestModel]: attempt.model,
      [own.provider]: attempt.provider,
      [own.attempt]: number,
      [general.status]: attempt.status,
      ...(attempt.error === null ? {} : { [general.error]: attempt.error }),
      ...(attempt.reason === null ? {} : { [own.reason]: attempt.reason }),
    },
  };
}

/** The spans of a finished exchange: its own, and one for each target that was asked. */
export function spansOf(
  priced: PricedExchange,
  familyOf: (provider: string) => string,
  resource: Resource,
): ReadableSpan[] {
  const { record } = priced;
  const { trace, operation, requestedModel } = record;
  if (!trace?.isSampled) return [];
  const context = contextOf(trace, trace.spanId);
  const spans = [
    spanOf(
      {
        name: `${operations[operation]} ${requestedModel}`,
        kind: serverKind,
        status: failed(record.errorCode),
        context,
        parent: trace.parentId === null ? undefined : { ...contextOf(trace, trace.parentId), isRemote: true },
        startedAt: record.startedAt,
        durationMs: record.durationMs,
        attributes: attributesOf(priced, familyOf(record.provider)),
      },
      resource,
    ),
  ];
  for (const [index, attempt] of record.attempts.entries())
    if (!attempt.isSkipped)
      spans.push(spanOf(attemptSpan(attempt, index + 1, record, context, familyOf(attempt.provider)), resource));
  return spans;
}
