import type { ExchangeView } from "@trunkline/admin/api";
import { useEffect, useState } from "react";
import { apiUrl } from "../../shared/api.ts";

/** Rows shown at the most: the page stays light however busy the gateway is. */
const mostShown = 500;

export type LiveState = "connecting" | "open" | "lost";

/** Requests as they end, newest first, for as long as it is on. The browser connects again by itself, and misses nothing. */
export function useLive(
  filters: Readonly<Record<string, string>>,
  isOn: boolean,
): { readonly rows: readonly ExchangeView[]; readonly state: LiveState } {
  const [rows, setRows] = useState<readonly ExchangeView[]>([]);
  const [state, setState] = useState<LiveState>("connecting");
  const url = apiUrl("/exchanges/live", filters);
  useEffect(() => {
    if (!isOn) return undefined;
    setRows([]);
    setState("connecting");
    const source = new EventSource(url);
    // Many at once are shown at once.
    let pending: ExchangeView[] = [];
    let frame = 0;
    const show = () => {
      frame = 0;
      const added = pending.toReversed();
      pending = [];
      setRows((before) => [...added, ...before].slice(0, mostShown));
    };
    source.addEventListener("begin", () => setState("open"));
    source.addEventListener("exchange", (event: MessageEvent<string>) => {
      pending.push(JSON.parse(event.data) as ExchangeView);
      frame ||= requestAnimationFrame(show);
    });
    source.addEventListener("error", () => setState("lost"));
    return () => {
      source.close();
      cancelAnimationFrame(frame);
    };
  }, [url, isOn]);
  return { rows, state };
}
