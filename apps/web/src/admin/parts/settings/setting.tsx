import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, SelectField, Switch, TextArea, TextField } from "../controls.tsx";
import { Badge } from "../display.tsx";
import { kindOf, pathName, valueAt, type Path, type Schema } from "./schema.ts";

/** Changes not yet saved, by the path of the setting; undefined goes back to the default. */
export type Draft = ReadonlyMap<string, { readonly path: Path; readonly value: unknown }>;

export type SettingsContext = {
  readonly values: unknown;
  readonly written: unknown;
  readonly overridden: Readonly<Record<string, string>>;
  readonly restart: readonly string[];
  readonly draft: Draft;
  readonly mayWrite: boolean;
  readonly onChange: (path: Path, value: unknown) => void;
};

type SettingProps = { readonly schema: Schema; readonly path: Path; readonly context: SettingsContext };

/** A setting and, in a group, all below it. */
export function Setting({ schema, path, context }: SettingProps) {
  if (kindOf(schema) === "group")
    return (
      <fieldset className={path.length > 1 ? "grid gap-4 border-l-2 border-line pl-4" : "grid gap-4"}>
        {path.length > 1 && <legend className="mb-2 text-sm font-semibold">{path.at(-1)}</legend>}
        {Object.entries(schema.properties!).map(([name, inner]) => (
          <Setting key={name} schema={inner} path={[...path, name]} context={context} />
        ))}
      </fieldset>
    );
  return <Single schema={schema} path={path} context={context} />;
}

function Single({ schema, path, context }: SettingProps) {
  const { t } = useTranslation();
  const name = pathName(path);
  const changed = context.draft.get(name);
  const isWritten = valueAt(context.written, path) !== undefined;
  const variable = context.overridden[name];
  const needsRestart = context.restart.some((one) => name === one || name.startsWith(`${one}.`));
  return (
    <div className="grid gap-1.5">
      <Control
        // A value taken back shows the one in force again.
        key={changed === undefined ? "kept" : "changed"}
        schema={schema}
        path={path}
        value={changed ? changed.value : valueAt(context.values, path)}
        isDisabled={!context.mayWrite || variable !== undefined}
        onChange={(value) => context.onChange(path, value)}
      />
      <div className="flex flex-wrap items-center gap-1.5">
        {changed && <Badge tone="warn">{t("settings.changed")}</Badge>}
        {!changed && <Badge>{isWritten ? t("settings.set") : t("settings.isDefault")}</Badge>}
        {variable !== undefined && <Badge tone="info">{t("settings.environment", { name: variable })}</Badge>}
        {needsRestart && <Badge>{t("settings.restart")}</Badge>}
        {isWritten && !changed && context.mayWrite && variable === undefined && (
          <Button look="quiet" className="min-h-6! px-1.5! text-xs!" onClick={() => context.onChange(path, undefined)}>
            {t("settings.reset")}
          </Button>
        )}
      </div>
    </div>
  );
}

function Control({
  schema,
  path,
  value,
  isDisabled,
  onChange,
}: {
  readonly schema: Schema;
  readonly path: Path;
  readonly value: unknown;
  readonly isDisabled: boolean;
  readonly onChange: (value: unknown) => void;
}) {
  const label = path.at(-1)!;
  const common = { label, hint: schema.description, disabled: isDisabled };
  switch (kindOf(schema)) {
    case "switch":
      return (
        <div>
          <Switch label={label} checked={value === true} disabled={isDisabled} onChange={onChange} />
          <p className="text-xs text-soft">{schema.description}</p>
        </div>
      );
    case "choice":
      return (
        <SelectField
          {...common}
          value={String(value ?? schema.default ?? "")}
          onChange={({ target }) => onChange(target.value)}
          options={(schema.enum ?? []).map((one) => [String(one), String(one)])}
        />
      );
    case "number":
      return (
        <TextField
          {...common}
          type="number"
          step="any"
          {...(schema.minimum === undefined ? {} : { min: schema.minimum })}
          {...(schema.maximum === undefined || schema.maximum > 1e15 ? {} : { max: schema.maximum })}
          defaultValue={value === undefined ? "" : String(value)}
          placeholder={String(schema.default ?? "")}
          onBlur={({ target }) => {
            const next = target.value === "" ? undefined : target.valueAsNumber;
            if (next !== value) onChange(next);
          }}
        />
      );
    case "text":
      return (
        <TextField
          {...common}
          defaultValue={typeof value === "string" ? value : ""}
          onBlur={({ target }) => {
            const next = target.value === "" ? undefined : target.value;
            if (next !== value) onChange(next);
          }}
        />
      );
    case "lines":
      return (
        <TextArea
          {...common}
          rows={3}
          defaultValue={Array.isArray(value) ? value.join("\n") : ""}
          onBlur={({ target }) => {
            const next = target.value
              .split("\n")
              .map((line) => line.trim())
              .filter((line) => line !== "");
            if (JSON.stringify(next) !== JSON.stringify(value ?? [])) onChange(next);
          }}
        />
      );
    case "json":
    case "group":
      return <JsonField {...common} value={value} onChange={onChange} />;
  }
}

function JsonField({
  label,
  hint,
  disabled,
  value,
  onChange,
}: {
  readonly label: string;
  readonly hint: string | undefined;
  readonly disabled: boolean;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}) {
  const [problem, setProblem] = useState<string>();
  const shown = value === undefined ? "" : JSON.stringify(value, null, 2);
  return (
    <TextArea
      label={label}
      hint={hint}
      disabled={disabled}
      problem={problem}
      rows={Math.min(14, Math.max(2, shown.split("\n").length))}
      spellCheck={false}
      className="font-mono text-xs"
      defaultValue={shown}
      onBlur={({ target }) => {
        if (target.value === shown) return;
        try {
          onChange(target.value.trim() === "" ? undefined : JSON.parse(target.value));
          setProblem(undefined);
        } catch (error) {
          setProblem((error as Error).message);
        }
      }}
    />
  );
}
