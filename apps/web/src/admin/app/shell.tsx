import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Scope } from "@trunkline/contracts";
import { call } from "../../shared/api.ts";
import { setPreferences, themes, usePreferences, type Theme } from "../../shared/preferences.ts";
import { Brand } from "../parts/brand.tsx";
import { Button, IconButton, SelectField } from "../parts/controls.tsx";
import { Problem, Waiting } from "../parts/display.tsx";
import { Icon, type IconName } from "../parts/icons.tsx";
import { Toasts } from "../parts/toasts.tsx";
import { chooseLanguage, languages, type Language } from "./i18n.ts";
import { queryClient, useMay, useWaysIn, useWho } from "./queries.ts";
import { SignIn } from "./sign-in.tsx";

const places: readonly (readonly [to: string, icon: IconName, scope: Scope | null])[][] = [
  [
    ["/", "overview", "statistics:read"],
    ["/requests", "requests", "exchanges:read"],
    ["/keys", "keys", "keys:read"],
  ],
  [
    ["/providers", "providers", "providers:read"],
    ["/models", "models", "models:read"],
    ["/routes", "routes", "routes:read"],
    ["/playground", "playground", "playground:use"],
  ],
  [
    ["/jobs", "jobs", "jobs:read"],
    ["/workers", "workers", "workers:read"],
    ["/sessions", "sessions", "sessions:read"],
  ],
  [
    ["/users", "users", "users:read"],
    ["/audit", "audit", "audit:read"],
    ["/alerts", "alerts", "alerts:read"],
    ["/settings", "settings", "settings:read"],
  ],
];

function Places({ onGo }: { readonly onGo: () => void }) {
  const { t } = useTranslation();
  const may = useMay();
  return (
    <nav aria-label={t("nav.label")} className="grid gap-3 overflow-y-auto p-3">
      {places.map((group, index) => (
        <ul key={index} className="grid gap-0.5 border-line not-first:border-t not-first:pt-3">
          {group
            .filter(([, , scope]) => scope === null || may(scope))
            .map(([to, name]) => (
              <li key={to}>
                <Link
                  to={to}
                  onClick={onGo}
                  activeOptions={{ exact: to === "/" }}
                  activeProps={{ className: "bg-accent-soft text-accent font-medium", "aria-current": "page" }}
                  inactiveProps={{ className: "text-ink hover:bg-sunken" }}
                  className="flex min-h-9 items-center gap-2.5 rounded-lg px-2.5 text-sm"
                >
                  <Icon name={name} />
                  {t(`nav.${name}` as "nav.overview")}
                </Link>
              </li>
            ))}
        </ul>
      ))}
    </nav>
  );
}

function Chosen() {
  const { t, i18n } = useTranslation();
  const { theme } = usePreferences();
  return (
    <>
      <SelectField
        label={t("theme")}
        value={theme}
        onChange={({ target }) => setPreferences({ theme: target.value as Theme })}
        options={themes.map((name) => [name, t(`themes.${name}`)])}
      />
      <SelectField
        label={t("language")}
        value={i18n.resolvedLanguage}
        onChange={({ target }) => void chooseLanguage(target.value as Language)}
        options={Object.entries(languages)}
      />
    </>
  );
}

async function signOut(): Promise<void> {
  const { value } = await call<{ url: string | null }>("DELETE", "/session");
  queryClient.clear();
  location.assign(value.url ?? "/admin");
}

function Person() {
  const { t } = useTranslation();
  const who = useWho();
  return (
    <details className="border-t border-line p-3 text-sm">
      <summary className="flex min-h-9 list-none items-center gap-2.5 rounded-lg px-2.5 hover:bg-sunken">
        <Icon name="person" />
        <span className="min-w-0 flex-1 truncate">{who?.name}</span>
        <span className="text-xs text-soft">{who && t(`roles.${who.role}`)}</span>
      </summary>
      <div className="grid gap-2 p-2">
        <Chosen />
        <Link to="/account" className="text-accent underline underline-offset-2">
          {t("nav.account")}
        </Link>
        <Button onClick={() => void signOut()}>{t("signOut")}</Button>
      </div>
    </details>
  );
}

/** The frame of every page: where one can go, who one is, and the page itself. */
export function Shell() {
  const ways = useWaysIn();
  if (ways.data) return ways.data.who ? <Frame /> : <SignIn ways={ways.data} />;
  return (
    <main className="mx-auto max-w-md p-6">
      {ways.error ? <Problem error={ways.error} onRetry={() => void ways.refetch()} /> : <Waiting />}
    </main>
  );
}

function Frame() {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const path = useRouterState({ select: ({ location }) => location.pathname });

  // A new page is read out from its heading.
  useEffect(() => {
    setOpen(false);
    document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  }, [path]);

  return (
    <div className="min-h-dvh md:grid md:grid-cols-[14rem_1fr]">
      <a
        href="#page"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-lg focus:bg-raised focus:px-3 focus:py-2"
      >
        {t("skip")}
      </a>
      <header className="sticky top-0 z-30 flex items-center gap-2 border-b border-line bg-raised px-3 py-1.5 md:hidden">
        <IconButton
          icon={isOpen ? "close" : "menu"}
          label={t("nav.label")}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        />
        <Brand />
      </header>
      <Side isOpen={isOpen}>
        <div className="hidden px-5 pt-4 md:block">
          <Brand />
        </div>
        <Places onGo={() => setOpen(false)} />
        <div className="flex-1" />
        <Person />
      </Side>
      <main id="page" className="min-w-0">
        <Outlet />
      </main>
      <Toasts />
    </div>
  );
}

function Side({ isOpen, children }: { readonly isOpen: boolean; readonly children: ReactNode }) {
  return (
    <div
      className={`${isOpen ? "flex" : "hidden"} sticky top-0 z-20 flex-col border-line bg-raised max-md:fixed max-md:inset-x-0 max-md:top-[3.05rem] max-md:bottom-0 max-md:overflow-y-auto md:flex md:h-dvh md:border-r`}
    >
      {children}
    </div>
  );
}
