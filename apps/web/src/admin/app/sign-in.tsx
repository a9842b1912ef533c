import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import type { WaysIn } from "@trunkline/admin/api";
import { ApiError, call } from "../../shared/api.ts";
import { Brand } from "../parts/brand.tsx";
import { Button, TextField } from "../parts/controls.tsx";
import { Problem } from "../parts/display.tsx";
import { queryClient } from "./queries.ts";

/** What somebody sees who is not signed in, wherever they wanted to go: they get there afterwards. */
export function SignIn({ ways }: { readonly ways: WaysIn }) {
  const { t } = useTranslation();
  const [needsCode, setNeedsCode] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const text = (name: string) => String(data.get(name) ?? "");
    setBusy(true);
    setProblem(undefined);
    try {
      const code = text("code").replaceAll(" ", "");
      await call("POST", "/session", {
        body: { name: text("name"), password: text("password"), ...(code === "" ? {} : { code }) },
      });
      await queryClient.resetQueries();
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.code === "second_factor_needed") setNeedsCode(true);
      else setProblem(thrown);
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <title>{`${t("signIn.title")} · Trunkline`}</title>
      <div className="w-full max-w-sm rounded-2xl border border-line bg-raised p-6">
        <Brand />
        <h1 className="mt-4 mb-1 text-lg font-semibold">{t("signIn.title")}</h1>
        <p className="mb-4 text-sm text-soft">{t("signIn.lead")}</p>
        {ways.oidc && (
          <a
            href={ways.oidc.url}
            className="mb-4 flex min-h-10 items-center justify-center rounded-lg border border-line-strong px-3 text-sm font-medium hover:bg-sunken"
          >
            {t("signIn.with", { name: ways.oidc.label })}
          </a>
        )}
        {ways.password && (
          <form onSubmit={(event) => void submit(event)} className="grid gap-3">
            <TextField label={t("name")} name="name" defaultValue="admin" autoComplete="username" required />
            <TextField
              label={t("password")}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              autoFocus
            />
            {needsCode && (
              <TextField
                label={t("signIn.code")}
                hint={t("signIn.codeHint")}
                name="code"
                inputMode="numeric"
                autoComplete="one-time-code"
                pattern="[0-9 ]{6,7}"
                required
                autoFocus
              />
            )}
            {problem !== undefined && <Problem error={problem} />}
            <Button type="submit" look="primary" busy={busy}>
              {t("signIn.go")}
            </Button>
            <details className="text-xs text-soft">
              <summary>{t("signIn.forgot")}</summary>
              <p className="mt-1">{t("signIn.forgotHint")}</p>
            </details>
          </form>
        )}
      </div>
    </main>
  );
}
