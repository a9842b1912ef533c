import type { RoutesView } from "@trunkline/admin/api";
import { useTranslation } from "react-i18next";
import { SelectField, TextArea, TextField } from "./controls.tsx";
import { FormDialog } from "./dialog.tsx";

export type Route = RoutesView["routes"][number];

export function targetsOf(route: Route): readonly (string | Record<string, unknown>)[] {
  const targets = route["targets"];
  return Array.isArray(targets) ? (targets as (string | Record<string, unknown>)[]) : [];
}

/** A line a target: its name alone, or JSON for one with conditions. */
function readTargets(text: string): (string | Record<string, unknown>)[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => (line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : line));
}

export function EditRoute({
  route,
  strategies,
  onSave,
  onClose,
}: {
  readonly route: Route;
  readonly strategies: readonly string[];
  readonly onSave: (route: Route) => void;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const lines = targetsOf(route).map((target) => (typeof target === "string" ? target : JSON.stringify(target)));
  return (
    <FormDialog
      wide
      title={t("routes.edit")}
      action={t("done")}
      onClose={onClose}
      onSubmit={async (data) => {
        const strategy = String(data.get("strategy"));
        const { strategy: _strategy, ...rest } = route;
        onSave({
          ...rest,
          pattern: String(data.get("pattern")).trim(),
          ...(strategy === "priority" ? {} : { strategy }),
          targets: readTargets(String(data.get("targets"))),
        });
      }}
    >
      <TextField
        label={t("routes.pattern")}
        name="pattern"
        required
        maxLength={256}
        defaultValue={String(route["pattern"] ?? "")}
        hint={t("routes.patternHint")}
      />
      <SelectField
        label={t("routes.strategy")}
        name="strategy"
        defaultValue={String(route["strategy"] ?? "priority")}
        options={strategies.map((name) => [name, t(`routes.strategies.${name as "priority"}`)])}
      />
      <TextArea
        label={t("routes.targets")}
        name="targets"
        required
        rows={6}
        spellCheck={false}
        defaultValue={lines.join("\n")}
        hint={t("routes.targetsHint")}
        className="font-mono text-sm"
      />
    </FormDialog>
  );
}
