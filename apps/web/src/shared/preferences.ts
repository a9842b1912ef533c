import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** What a person chose for this browser; nothing of it is secret. */
type Preferences = { readonly theme: Theme; readonly language: string | null };

const storageKey = "trunkline.preferences";
const listeners = new Set<() => void>();
let current = read();

function read(): Preferences {
  try {
    const kept = JSON.parse(localStorage.getItem(storageKey) ?? "{}") as Partial<Preferences>;
    const theme = themes.find((one) => one === kept.theme) ?? "system";
    return { theme, language: typeof kept.language === "string" ? kept.language : null };
  } catch {
    return { theme: "system", language: null };
  }
}

export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(storageKey, JSON.stringify(current));
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
  applyTheme();
  for (const listener of listeners) listener();
}

export function preferences(): Preferences {
  return current;
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export function isDark(): boolean {
  return current.theme === "system" ? dark.matches : current.theme === "dark";
}

/** Puts the theme on the page; charts read it from there. */
export function applyTheme(): void {
  document.documentElement.dataset["theme"] = isDark() ? "dark" : "light";
}

dark.addEventListener("change", () => {
  applyTheme();
  for (const listener of listeners) listener();
});
