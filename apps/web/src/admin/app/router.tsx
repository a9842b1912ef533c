import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type ErrorComponentProps,
} from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Empty, Page, Problem, TextLink, Waiting } from "../parts/display.tsx";
import { Shell } from "./shell.tsx";

/** Words of the address, as they are written there. */
type Search = Readonly<Record<string, string>>;

/** Every search parameter is a text: an address is what somebody may have typed. */
function readSearch(search: Record<string, unknown>): Search {
  return Object.fromEntries(
    Object.entries(search)
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .map(([name, value]) => [name, String(value)]),
  );
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

function NotFound() {
  const { t } = useTranslation();
  return (
    <Page title={t("errors.nothingHere")}>
      <Empty title={t("errors.nothingHere")}>
        <TextLink to="/">{t("nav.overview")}</TextLink>
      </Empty>
    </Page>
  );
}

function Broken({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <Page title={t("errors.broken")}>
      <Problem error={error} onRetry={reset} />
    </Page>
  );
}

function Pending() {
  return (
    <div className="mx-auto max-w-7xl px-6 py-8">
      <Waiting lines={6} />
    </div>
  );
}

const page = <Path extends string>(path: Path, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({
    getParentRoute: () => root,
    path,
    validateSearch: readSearch,
    component: lazyRouteComponent(load as never, name as never),
  });

const routes = [
  page("/", () => import("../pages/overview.tsx"), "OverviewPage"),
  page("/requests", () => import("../pages/requests.tsx"), "RequestsPage"),
  page("/requests/$id", () => import("../pages/request.tsx"), "RequestPage"),
  page("/keys", () => import("../pages/keys.tsx"), "KeysPage"),
  page("/keys/$id", () => import("../pages/key.tsx"), "KeyPage"),
  page("/providers", () => import("../pages/providers.tsx"), "ProvidersPage"),
  page("/models", () => import("../pages/models.tsx"), "ModelsPage"),
  page("/routes", () => import("../pages/routes.tsx"), "RoutesPage"),
  page("/playground", () => import("../pages/playground.tsx"), "PlaygroundPage"),
  page("/jobs", () => import("../pages/jobs.tsx"), "JobsPage"),
  page("/workers", () => import("../pages/workers.tsx"), "WorkersPage"),
  page("/sessions", () => import("../pages/sessions.tsx"), "SessionsPage"),
  page("/users", () => import("../pages/users.tsx"), "UsersPage"),
  page("/audit", () => import("../pages/audit.tsx"), "AuditPage"),
  page("/alerts", () => import("../pages/alerts.tsx"), "AlertsPage"),
  page("/settings", () => import("../pages/settings.tsx"), "SettingsPage"),
  page("/account", () => import("../pages/account.tsx"), "AccountPage"),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: "/admin",
  defaultErrorComponent: Broken,
  defaultPendingComponent: Pending,
  defaultPendingMs: 300,
  defaultPreload: "intent",
  // Plain words in the address, instead of JSON in quotes.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch(search) {
    const given = Object.entries(readSearch(search)).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const text = new URLSearchParams(given).toString();
    return text === "" ? "" : `?${text}`;
  },
});
