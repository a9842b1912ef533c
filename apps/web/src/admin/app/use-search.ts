import { useNavigate, useSearch } from "@tanstack/react-router";

export type Search = Readonly<Record<string, string>>;

/** The words of the address and how they are changed: what is filtered can be shared as a link. Empty ones are taken out. */
export function useFilters(): readonly [Search, (change: Readonly<Record<string, string | undefined>>) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  return [
    search,
    (change) =>
      void navigate({
        to: ".",
        search: ((before: Search) =>
          Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value))) as never,
        replace: true,
      }),
  ];
}
