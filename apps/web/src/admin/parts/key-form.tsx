import type { BudgetView, KeyView } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAll } from "../app/queries.ts";
import { Button, IconButton, SelectField, Switch, TextArea, TextField } from "./controls.tsx";

const periods = ["hour", "day", "week", "month"] as const;
const counts = ["rpm", "rpd", "tpm", "concurrent"] as const;

/** What a key's form says, as the admin API takes it. Budgets are not part of a form's data: they come and go. */
export function keyOf(data: FormData, budgets: readonly BudgetView[]) {
  const text = (name: string) => String(data.get(name) ?? "").trim();
  const number = (name: string) => (text(name) === "" ? null : Number(text(name)));
  const expires = text("expires");
  return {
    name: text("name"),
    user: text("user") || null,
    group: text("group") || null,
    notes: text("notes"),
    expires: expires === "" ? null : new Date(expires).toISOString(),
    models: text("models")
      .split(/[\s,]+/)
      .filter((one) => one !== ""),
    ...Object.fromEntries(counts.map((name) => [name, number(name)])),
    budgets: budgets.filter(({ usd }) => usd > 0),
  };
}

/** Everything of a key that can be set; its budgets beside it. */
export function KeyFields({
  value,
  budgets,
  onBudgets,
}: {
  readonly value: Partial<KeyView>;
  readonly budgets: readonly BudgetView[];
  readonly onBudgets: (budgets: readonly BudgetView[]) => void;
}) {
  const { t } = useTranslation();
  const users = useAll<{ name: string }>("/users");
  const groups = useAll<{ name: string }>("/groups");
  const day = (iso: string | null | undefined) => (iso ? iso.slice(0, 10) : "");
  return (
    <div className="grid gap-4">
      <TextField
        label={t("name")}
        name="name"
        required
        maxLength={100}
        defaultValue={value.name ?? ""}
        hint={t("keys.nameHint")}
      />
      <div className="grid gap-3 sm:grid-cols-3">
        <TextField label={t("keys.user")} name="user" list="users" maxLength={100} defaultValue={value.user ?? ""} />
        <TextField
          label={t("keys.group")}
          name="group"
          list="groups"
          maxLength={100}
          defaultValue={value.group ?? ""}
        />
        <TextField label={t("keys.expires")} name="expires" type="date" defaultValue={day(value.expires)} />
      </div>
      <datalist id="users">
        {users.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <datalist id="groups">
        {groups.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <TextField
        label={t("keys.models")}
        name="models"
        defaultValue={value.models?.join(" ") ?? ""}
        placeholder="claude-* openai/gpt-5*"
        hint={t("keys.modelsHint")}
      />
      <fieldset className="grid gap-3">
        <legend className="mb-2 text-sm font-semibold">{t("keys.limits")}</legend>
        <div className="grid grid-cols-2 gap-3 sm:grid-cols-4">
          {counts.map((name) => (
            <TextField
              key={name}
              label={t(`keys.counts.${name}`)}
              name={name}
              type="number"
              min={1}
              max={1_000_000_000}
              defaultValue={value[name] ?? ""}
              placeholder="∞"
            />
          ))}
        </div>
      </fieldset>
      <fieldset className="grid gap-3">
        <legend className="mb-2 text-sm font-semibold">{t("keys.budgets")}</legend>
        {budgets.map((budget, index) => (
          <BudgetFields
            key={index}
            budget={budget}
            onChange={(next) => onBudgets(budgets.with(index, next))}
            onRemove={() => onBudgets(budgets.toSpliced(index, 1))}
          />
        ))}
        <div>
          <Button
            icon="plus"
            onClick={() => onBudgets([...budgets, { usd: 5, per: "day", soft_usd: null, rolling: false, zone: "UTC" }])}
          >
            {t("keys.addBudget")}
          </Button>
        </div>
      </fieldset>
      <TextArea label={t("notes")} name="notes" rows={2} maxLength={2000} defaultValue={value.notes ?? ""} />
    </div>
  );
}

function BudgetFields({
  budget,
  onChange,
  onRemove,
}: {
  readonly budget: BudgetView;
  readonly onChange: (budget: BudgetView) => void;
  readonly onRemove: () => void;
}) {
  const { t } = useTranslation();
  const [soft, setSoft] = useState(budget.soft_usd === null ? "" : String(budget.soft_usd));
  return (
    <div className="grid grid-cols-[1fr_1fr_1fr_auto] items-end gap-2 rounded-lg bg-sunken p-2.5 max-sm:grid-cols-2">
      <TextField
        label={t("keys.usd")}
        type="number"
        min={0.000001}
        max={1_000_000}
        step="any"
        required
        value={budget.usd}
        onChange={({ target }) => onChange({ ...budget, usd: target.valueAsNumber || 0 })}
      />
      <SelectField
        label={t("keys.per")}
        value={budget.per}
        onChange={({ target }) => onChange({ ...budget, per: target.value as BudgetView["per"] })}
        options={periods.map((name) => [name, t(`periods.${name}`)])}
      />
      <TextField
        label={t("keys.soft")}
        type="number"
        min={0}
        max={budget.usd}
        step="any"
        value={soft}
        placeholder="–"
        onChange={({ target }) => {
          setSoft(target.value);
          onChange({ ...budget, soft_usd: target.value === "" ? null : target.valueAsNumber });
        }}
      />
      <IconButton icon="close" label={t("remove")} onClick={onRemove} />
      <div className="col-span-full">
        <Switch
          label={t("keys.rolling")}
          checked={budget.rolling}
          onChange={(rolling) => onChange({ ...budget, rolling })}
        />
      </div>
    </div>
  );
}
