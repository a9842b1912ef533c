import type { Page, WaysIn } from "@trunkline/admin/api";
import type { Scope } from "@trunkline/contracts";
import {
  QueryCache,
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  type UseQueryResult,
} from "@tanstack/react-query";
import { ApiError, call, type Answer, type ApiOptions, type Method } from "../../shared/api.ts";

type Query = ApiOptions["query"];

/** What did not reach the gateway, or found it starting, is asked again; a refusal is not. */
function isWorthRetrying(failures: number, error: unknown): boolean {
  return failures < 2 && error instanceof ApiError && (error.status === 0 || error.status === 503);
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error, query) {
      // The session has ended: everything falls back to the sign-in page.
      if (error instanceof ApiError && error.status === 401 && query.queryKey[0] !== "/sign-in")
        void queryClient.invalidateQueries({ queryKey: ["/sign-in"] });
    },
  }),
  defaultOptions: { queries: { staleTime: 5000, retry: isWorthRetrying, refetchOnWindowFocus: true } },
});

/** Reads something, with the tag it is changed by. */
export function useTagged<T>(
  path: string,
  query?: Query,
  options: { readonly everyMs?: number; readonly enabled?: boolean } = {},
): UseQueryResult<Answer<T>> {
  return useQuery({
    queryKey: [path, query ?? {}],
    queryFn: ({ signal }) => call<T>("GET", path, { ...(query ? { query } : {}), signal }),
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
    enabled: options.enabled ?? true,
    placeholderData: (before) => before,
  });
}

/** The same without the tag. */
export function useGet<T>(
  path: string,
  query?: Query,
  options: { readonly everyMs?: number; readonly enabled?: boolean } = {},
) {
  const result = useTagged<T>(path, query, options);
  return { ...result, data: result.data?.value };
}

/** A list, page after page. */
export function useList<T>(
  path: string,
  query: Query = {},
  options: { readonly everyMs?: number; readonly enabled?: boolean } = {},
) {
  const result = useInfiniteQuery({
    queryKey: [path, query],
    queryFn: async ({ pageParam, signal }) =>
      (await call<Page<T>>("GET", path, { query: { ...query, cursor: pageParam }, signal })).value,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
    enabled: options.enabled ?? true,
    placeholderData: (before) => before,
  });
  return { ...result, items: result.data?.pages.flatMap(({ items }) => items) };
}

/** All of a list that is short: what is chosen from. */
export function useAll<T>(path: string, enabled = true): readonly T[] {
  const { data } = useQuery({
    queryKey: [path, "all"],
    enabled,
    async queryFn({ signal }) {
      const items: T[] = [];
      let cursor: string | undefined;
      do {
        const page: Page<T> = (await call<Page<T>>("GET", path, { query: { limit: 200, cursor }, signal })).value;
        items.push(...page.items);
        cursor = page.next ?? undefined;
      } while (cursor !== undefined && items.length < 5000);
      return items;
    },
  });
  return data ?? [];
}

export type Change = { readonly method: Method; readonly path: string } & Pick<ApiOptions, "body" | "tag" | "query">;

/** Changes something; what begins with one of the paths is read anew. */
export function useChange<T = unknown>(...touched: readonly string[]) {
  return useMutation({
    mutationFn: async ({ method, path, ...options }: Change) => (await call<T>(method, path, options)).value,
    onSettled: () =>
      queryClient.invalidateQueries({
        predicate: ({ queryKey: [path] }) => touched.some((one) => String(path).startsWith(one)),
      }),
  });
}

/** Reads a thing's newest tag and changes it by that: for actions that overwrite nothing anybody could have seen otherwise. */
export async function freshTag(path: string): Promise<string | undefined> {
  return (await call("GET", path)).tag;
}

/** Who is signed in, and how one can when nobody is. */
export function useWaysIn() {
  return useGet<WaysIn>("/sign-in");
}

export function useWho() {
  return useWaysIn().data?.who ?? undefined;
}

/** Whether whoever is signed in may do something; what they may not is not offered. */
export function useMay(): (scope: Scope) => boolean {
  const who = useWho();
  return (scope) => who?.scopes.includes(scope) ?? false;
}
