import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "./controls.tsx";

type Toast = { readonly id: number; readonly text: string; readonly tone: "good" | "bad" };

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function put(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

const dismiss = (id: number) => put(toasts.filter((toast) => toast.id !== id));

/** Says something in passing; what went wrong stays until it is closed. */
export function say(text: string, tone: Toast["tone"] = "good"): void {
  const id = ++lastId;
  put([...toasts.slice(-3), { id, text, tone }]);
  if (tone === "good") setTimeout(() => dismiss(id), 5000);
}

/** Read out by screen readers without taking the focus. */
export function Toasts() {
  const { t } = useTranslation();
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div role="status" aria-live="polite" className="fixed right-4 bottom-4 z-50 grid max-w-[calc(100vw-2rem)] gap-2">
      {shown.map(({ id, text, tone }) => (
        <div
          key={id}
          className={`flex items-center gap-2 rounded-xl border border-line bg-raised py-1 pr-1 pl-3 text-sm shadow-lg ${tone === "bad" ? "text-bad" : "text-ink"}`}
        >
          <span className="max-w-md wrap-anywhere">{text}</span>
          <IconButton icon="close" label={t("close")} onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
