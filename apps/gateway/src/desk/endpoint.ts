import { createHash } from "node:crypto";
import { GatewayError, type Actor, type Scope } from "@trunkline/contracts";
import type { Audited, DeskTables } from "@trunkline/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Gateway } from "../gateway-types.ts";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One address of the admin API, as it is served, checked and documented. */
export type Endpoint<Params = never, Query = never, Body = never> = {
  readonly method: Method;
  /** Below `/admin/api`, with its members in braces: `/keys/{id}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** Null for those anybody may ask, signed in or not; `signed-in` for all that are. */
  readonly scope: Scope | "signed-in" | null;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  /** Undefined for what is no JSON. */
  readonly answer?: z.ZodType;
  /** 200 when absent. */
  readonly status?: 201 | 202 | 204;
  /** It changes what an `ETag` was given for: without `If-Match` it is refused. */
  readonly needsMatch?: true;
  /** Media type of what is no JSON. */
  readonly type?: string;
  run(call: Call<Params, Query, Body>): Promise<unknown>;
};

/** What an endpoint is asked with. */
export type Call<Params, Query, Body> = {
  readonly gateway: Gateway;
  readonly actor: Actor;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Throws `changed_meanwhile` when the caller has seen another state than this one. */
  match(seen: unknown): void;
  /** Changes something and writes it into the audit log, both or neither. */
  audited<T>(action: string, target: string, change: (tables: DeskTables) => Promise<Audited<T>>): Promise<T>;
};

// oxlint-disable-next-line typescript/no-explicit-any -- a list of endpoints with different members
export type AnyEndpoint = Endpoint<any, any, any>;

/** Only for its types: members of a call follow from the schemas. */
export function endpoint<Params = unknown, Query = unknown, Body = unknown>(
  definition: Endpoint<Params, Query, Body>,
): AnyEndpoint {
  return definition;
}

/** What a state is known by: the same for whoever reads it, another after every change. */
export function tagOf(state: unknown): string {
  return `"${createHash("sha256").update(JSON.stringify(state)).digest("base64url").slice(0, 22)}"`;
}

export function notFound(what: string): GatewayError {
  return new GatewayError("not_found", `There is no ${what}.`);
}
