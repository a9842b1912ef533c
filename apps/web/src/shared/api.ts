import type { Problem } from "@trunkline/admin/api";

/** What the admin API says went wrong. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly parameter: string | undefined;
  readonly requestId: string;

  constructor(problem: Pick<Problem, "status" | "code" | "detail" | "request_id" | "parameter">) {
    super(problem.detail);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code;
    this.parameter = problem.parameter;
    this.requestId = problem.request_id;
  }
}

export type Answer<T> = { readonly value: T; readonly tag: string | undefined };

export type ApiOptions = {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** The `ETag` of what is changed. */
  readonly tag?: string | undefined;
  readonly signal?: AbortSignal;
};

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const prefix = "/admin/api";

export function apiUrl(path: string, query: ApiOptions["query"] = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `${path.startsWith("/v1") ? "" : prefix}${path}${search === "" ? "" : `?${search}`}`;
}

/** Asks the admin API. Throws ApiError, with status 0 when the gateway cannot be reached. */
export async function call<T>(method: Method, path: string, options: ApiOptions = {}): Promise<Answer<T>> {
  let answer: Response;
  try {
    answer = await fetch(apiUrl(path, options.query), {
      method,
      headers: {
        accept: "application/json",
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...(options.tag === undefined ? {} : { "if-match": options.tag }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError({ status: 0, code: "unreachable", detail: "", request_id: "" });
  }
  const text = answer.status === 204 ? "" : await answer.text();
  const value: unknown = text === "" ? undefined : parse(text);
  if (answer.ok) return { value: value as T, tag: answer.headers.get("etag") ?? undefined };
  throw problemOf(answer.status, value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The admin API's problem, or OpenAI's error of addresses below `/v1`. */
function problemOf(status: number, value: unknown): ApiError {
  const body = (typeof value === "object" && value !== null ? value : {}) as Partial<Problem> & {
    error?: { message?: string; code?: string };
  };
  return new ApiError({
    status,
    code: body.code ?? body.error?.code ?? "unknown",
    detail: body.detail ?? body.error?.message ?? `HTTP ${status}`,
    request_id: body.request_id ?? "",
    ...(body.parameter === undefined ? {} : { parameter: body.parameter }),
  });
}
