import type { ExplanationView, KeyView } from "@trunkline/admin/api";
import { Link } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useAll, useChange } from "../app/queries.ts";
import { Button, SelectField, TextField } from "./controls.tsx";
import { Badge, Card, Note, Problem, When } from "./display.tsx";

/** What would happen to a request, target by target. */
export function Explain() {
  const { t } = useTranslation();
  const keys = useAll<KeyView>("/keys");
  const ask = useChange<ExplanationView>();

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const key = String(data.get("key"));
    ask.mutate({
      method: "POST",
      path: "/routes/explain",
      body: { model: String(data.get("model")).trim(), ...(key === "" ? {} : { key }) },
    });
  }

  return (
    <Card title={t("routes.explain")}>
      <form onSubmit={submit} className="grid items-end gap-3 sm:grid-cols-[1fr_1fr_auto]">
        <TextField label={t("requests.model")} name="model" required placeholder="claude-sonnet-4-5" />
        <SelectField
          label={t("requests.key")}
          name="key"
          options={[["", t("any")], ...keys.map(({ id, name }) => [id, name] as const)]}
        />
        <Button type="submit" look="primary" busy={ask.isPending}>
          {t("routes.ask")}
        </Button>
      </form>
      {ask.error !== null && <Problem error={ask.error} />}
      {ask.data && (
        <div role="status" className="mt-4 grid gap-2 text-sm">
          <p>
            {t("routes.followed")}: <code>{ask.data.route || ask.data.strategy}</code>
            {ask.data.names.length > 1 && <span className="text-soft"> ({ask.data.names.join(" → ")})</span>}
          </p>
          <ol className="grid gap-1.5">
            {ask.data.candidates.map((candidate) => (
              <li key={candidate.target} className="flex flex-wrap items-center gap-2">
                <Badge tone={candidate.verdict === "skip" ? "warn" : "good"}>{candidate.verdict}</Badge>
                <span className="font-medium">{candidate.target}</span>
                <span className="text-soft">
                  {candidate.why} {candidate.until && <When at={candidate.until} />}
                </span>
              </li>
            ))}
          </ol>
          <Link
            to="/playground"
            search={{ model: ask.data.model } as never}
            className="justify-self-start text-accent underline underline-offset-2"
          >
            {t("routes.try")}
          </Link>
          {ask.data.error && (
            <Note tone="bad">
              {ask.data.error.status} {ask.data.error.code}: {ask.data.error.message}
            </Note>
          )}
        </div>
      )}
    </Card>
  );
}
