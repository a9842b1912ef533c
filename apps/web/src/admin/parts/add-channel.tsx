import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../app/queries.ts";
import { SelectField, TextField } from "./controls.tsx";
import { FormDialog } from "./dialog.tsx";

const channelKinds = ["webhook", "slack", "discord", "teams", "email"] as const;
const addresses = ["webhook", "slack", "discord", "teams"] as const;
const mail = ["to", "from", "host", "port", "user", "password"] as const;

export function AddChannel({
  onClose,
  onMade,
}: {
  readonly onClose: () => void;
  readonly onMade: (secret: string | null) => void;
}) {
  const { t } = useTranslation();
  const change = useChange<{ secret: string | null }>("/alert-channels", "/audit");
  const [kind, setKind] = useState<(typeof channelKinds)[number]>("webhook");
  const isAddress = addresses.some((one) => one === kind);
  return (
    <FormDialog
      title={t("alerts.addChannel")}
      action={t("alerts.addChannel")}
      onClose={onClose}
      onSubmit={async (data) => {
        const names = isAddress ? ["url"] : mail;
        const given = names.map((name) => [name, String(data.get(name) ?? "").trim()] as const);
        const settings = Object.fromEntries(given.filter(([, value]) => value !== ""));
        const made = await change.mutateAsync({
          method: "POST",
          path: "/alert-channels",
          body: { name: String(data.get("name")).trim(), kind, settings },
        });
        onMade(made.secret);
      }}
    >
      <TextField label={t("name")} name="name" required maxLength={100} />
      <SelectField
        label={t("alerts.kind")}
        value={kind}
        onChange={({ target }) => setKind(target.value as typeof kind)}
        options={channelKinds.map((name) => [name, t(`alerts.channelKinds.${name}`)])}
      />
      {isAddress ? (
        <TextField
          label={t("alerts.url")}
          name="url"
          type="url"
          required
          maxLength={2000}
          hint={kind === "webhook" ? t("alerts.webhookHint") : undefined}
        />
      ) : (
        mail.map((name) => (
          <TextField
            key={name}
            label={t(`alerts.mail.${name}`)}
            name={name}
            required={name === "to" || name === "host" || name === "from"}
            type={name === "password" ? "password" : name === "port" ? "number" : "text"}
            defaultValue={name === "port" ? "587" : ""}
            autoComplete="off"
          />
        ))
      )}
    </FormDialog>
  );
}
