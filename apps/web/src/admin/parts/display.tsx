import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../../shared/api.ts";
import { dateTime, percent, relative, shortTime } from "../../shared/format.ts";
import { Button, IconButton } from "./controls.tsx";
import { Icon } from "./icons.tsx";

export function Page({
  title,
  lead,
  actions,
  children,
}: {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <div className="mx-auto grid max-w-7xl gap-4 px-4 py-5 sm:px-6">
      <title>{`${title} · Trunkline`}</title>
      <header className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h1 tabIndex={-1} className="text-xl font-semibold outline-none">
            {title}
          </h1>
          {lead && <p className="mt-0.5 max-w-prose text-sm text-soft">{lead}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Card({
  title,
  actions,
  children,
  className = "",
}: {
  readonly title?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}) {
  return (
    <section className={`min-w-0 rounded-xl border border-line bg-raised p-4 ${className}`}>
      {title && (
        <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
          <h2 className="text-sm font-semibold">{title}</h2>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}

const tones = {
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
  info: "bg-info-soft text-info",
  plain: "bg-sunken text-soft",
} as const;
export type Tone = keyof typeof tones;

export function Badge({ tone = "plain", children }: { readonly tone?: Tone; readonly children: ReactNode }) {
  return (
    <span
      className={`inline-flex max-w-full items-center rounded-md px-1.5 py-0.5 text-xs font-medium whitespace-nowrap ${tones[tone]}`}
    >
      {children}
    </span>
  );
}

/** A time as far from now as it is; the exact one on hovering, and for whoever asks the element. */
export function When({ at, exact = false }: { readonly at: string | null; readonly exact?: boolean }) {
  const { t } = useTranslation();
  if (at === null) return <span className="text-soft">{t("never")}</span>;
  return (
    <time dateTime={at} title={dateTime(at)} className="whitespace-nowrap">
      {exact ? shortTime(at) : relative(at)}
    </time>
  );
}

export function Bar({ share, label, tone }: { readonly share: number; readonly label: string; readonly tone?: Tone }) {
  const shown = tone ?? (share >= 1 ? "bad" : share >= 0.8 ? "warn" : "good");
  const fills = { good: "bg-good", warn: "bg-warn", bad: "bg-bad", info: "bg-info", plain: "bg-soft" } as const;
  return (
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(Math.min(1, share) * 100)}
      aria-valuetext={percent(share)}
      className="h-2 w-full overflow-hidden rounded-full bg-sunken"
    >
      <div className={`h-full rounded-full ${fills[shown]}`} style={{ width: `${Math.min(100, share * 100)}%` }} />
    </div>
  );
}

/** What there is when there is nothing: what would be here, and how it gets here. */
export function Empty({
  title,
  children,
  action,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}) {
  return (
    <div className="grid justify-items-center gap-2 rounded-xl border border-dashed border-line-strong px-4 py-10 text-center">
      <p className="font-medium">{title}</p>
      {children && <div className="w-full max-w-prose min-w-0 text-sm text-soft">{children}</div>}
      {action && <div className="mt-2">{action}</div>}
    </div>
  );
}

export function useProblemText(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => {
    if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
    if (error.code === "unreachable") return t("errors.unreachable");
    if (error.code === "not_permitted") return t("errors.notPermitted");
    if (error.code === "changed_meanwhile") return t("errors.changedMeanwhile");
    return error.message;
  };
}

export function Problem({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  const { t } = useTranslation();
  const textOf = useProblemText();
  return (
    <div role="alert" className="flex flex-wrap items-center gap-3 rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
      <Icon name="warning" />
      <div className="min-w-0 flex-1 wrap-anywhere">
        {textOf(error)}
        {error instanceof ApiError && error.requestId !== "" && (
          <span className="ml-2 font-mono text-xs opacity-80">{error.requestId}</span>
        )}
      </div>
      {onRetry && <Button onClick={onRetry}>{t("tryAgain")}</Button>}
    </div>
  );
}

export function Note({ tone = "info", children }: { readonly tone?: Tone; readonly children: ReactNode }) {
  return (
    <div className={`flex items-start gap-2 rounded-lg px-3 py-2 text-sm ${tones[tone]}`}>
      <span className="mt-0.5">
        <Icon name={tone === "info" || tone === "plain" ? "info" : "warning"} size={16} />
      </span>
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  );
}

/** Grey lines where something will be: of the height it will have. */
export function Waiting({ lines = 4 }: { readonly lines?: number }) {
  const { t } = useTranslation();
  return (
    <div role="status" className="grid gap-2.5">
      <span className="sr-only">{t("loading")}</span>
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} aria-hidden="true" className="h-5 animate-pulse rounded bg-sunken" />
      ))}
    </div>
  );
}

export function Code({ children, label }: { readonly children: string; readonly label?: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  async function copy(): Promise<void> {
    await copyText(children);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  }
  return (
    <div className="flex items-start gap-1 rounded-lg border border-line bg-sunken">
      {/* Scrolls sideways by keyboard too. */}
      <pre
        tabIndex={0}
        aria-label={label}
        className="min-w-0 flex-1 overflow-x-auto p-2.5 font-mono text-xs whitespace-pre"
      >
        {children}
      </pre>
      <IconButton
        icon={copied ? "check" : "copy"}
        label={copied ? t("copied") : t("copy")}
        onClick={() => void copy()}
      />
      <span role="status" className="sr-only">
        {copied ? t("copied") : ""}
      </span>
    </div>
  );
}

/** A page that is not served over TLS has no clipboard of its own. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function Facts({ rows }: { readonly rows: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 text-sm">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd className="min-w-0 wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function TextLink({ to, children }: { readonly to: string; readonly children: ReactNode }) {
  return (
    <Link to={to} className="text-accent underline underline-offset-2">
      {children}
    </Link>
  );
}
