import type { BudgetView, KeyView, MadeKey } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { freshTag, useChange } from "../app/queries.ts";
import { SelectField } from "./controls.tsx";
import { FormDialog } from "./dialog.tsx";
import { KeyFields, keyOf } from "./key-form.tsx";
import { say } from "./toasts.tsx";

export function EditKey({
  path,
  value,
  tag,
  onClose,
}: {
  readonly path: string;
  readonly value: KeyView;
  readonly tag: string | undefined;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const change = useChange("/keys", "/audit");
  // What was seen when the form was opened is what is changed, whatever comes meanwhile.
  const [seen] = useState({ value, tag });
  const [budgets, setBudgets] = useState<readonly BudgetView[]>(value.budgets);
  return (
    <FormDialog
      wide
      title={t("keys.edit", { name: seen.value.name })}
      action={t("save")}
      onClose={onClose}
      onSubmit={async (data) => {
        await change.mutateAsync({ method: "PATCH", path, body: keyOf(data, budgets), tag: seen.tag });
        say(t("saved"));
        onClose();
      }}
    >
      <KeyFields value={seen.value} budgets={budgets} onBudgets={setBudgets} />
    </FormDialog>
  );
}

export function RotateKey({
  path,
  onClose,
  onMade,
}: {
  readonly path: string;
  readonly onClose: () => void;
  readonly onMade: (key: MadeKey) => void;
}) {
  const { t } = useTranslation();
  const change = useChange<MadeKey>("/keys", "/audit");
  return (
    <FormDialog
      title={t("keys.rotate")}
      action={t("keys.rotate")}
      onClose={onClose}
      onSubmit={async (data) =>
        onMade(
          await change.mutateAsync({
            method: "POST",
            path: `${path}/rotate`,
            body: { grace_seconds: Number(data.get("grace")) },
          }),
        )
      }
    >
      <p className="text-sm">{t("keys.rotateHint")}</p>
      <SelectField
        label={t("keys.grace")}
        name="grace"
        defaultValue="86400"
        options={[
          ["0", t("keys.graces.none")],
          ["3600", t("keys.graces.hour")],
          ["86400", t("keys.graces.day")],
          ["604800", t("keys.graces.week")],
        ]}
      />
    </FormDialog>
  );
}

export function RevokeKey({
  path,
  name,
  onClose,
}: {
  readonly path: string;
  readonly name: string;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const change = useChange("/keys", "/audit");
  return (
    <FormDialog
      danger
      title={t("keys.revokeTitle", { name })}
      action={t("keys.revoke")}
      onClose={onClose}
      onSubmit={async () => {
        await change.mutateAsync({ method: "POST", path: `${path}/revoke`, tag: await freshTag(path) });
        say(t("keys.revoked"));
        onClose();
      }}
    >
      <p className="text-sm">{t("keys.revokeHint")}</p>
    </FormDialog>
  );
}
