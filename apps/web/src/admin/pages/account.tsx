import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { encode } from "uqr";
import { useChange, useWho } from "../app/queries.ts";
import { Button, TextField } from "../parts/controls.tsx";
import { Badge, Card, Code, Facts, Note, Page, Problem } from "../parts/display.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { say } from "../parts/toasts.tsx";

export function AccountPage() {
  const { t } = useTranslation();
  const who = useWho();
  const [open, setOpen] = useState<"password" | "add" | "remove">();
  if (!who) return null;
  return (
    <Page title={t("nav.account")}>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title={who.name}>
          <Facts
            rows={[
              [t("users.role"), t(`roles.${who.role}`)],
              [
                t("account.rights"),
                <span key="rights" className="flex flex-wrap gap-1">
                  {who.scopes.map((scope) => (
                    <Badge key={scope}>{scope}</Badge>
                  ))}
                </span>,
              ],
            ]}
          />
          {who.password && (
            <div className="mt-4">
              <Button onClick={() => setOpen("password")}>{t("account.changePassword")}</Button>
            </div>
          )}
        </Card>
        <Card title={t("users.secondFactor")}>
          <p className="mb-3 text-sm text-soft">{t("account.secondFactorHint")}</p>
          {who.second_factor ? (
            <div className="flex flex-wrap items-center gap-3">
              <Badge tone="good">{t("account.isOn")}</Badge>
              <Button look="danger" onClick={() => setOpen("remove")}>
                {t("account.turnOff")}
              </Button>
            </div>
          ) : (
            <Button look="primary" disabled={!who.password} onClick={() => setOpen("add")}>
              {t("account.turnOn")}
            </Button>
          )}
        </Card>
      </div>
      {open === "password" && <ChangePassword onClose={() => setOpen(undefined)} />}
      {open === "add" && <AddSecondFactor onClose={() => setOpen(undefined)} />}
      {open === "remove" && <RemoveSecondFactor onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

function ChangePassword({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const change = useChange("/sign-ins");
  return (
    <FormDialog
      title={t("account.changePassword")}
      action={t("save")}
      onClose={onClose}
      onSubmit={async (data) => {
        await change.mutateAsync({
          method: "PUT",
          path: "/session/password",
          body: { current: String(data.get("current")), next: String(data.get("next")) },
        });
        say(t("saved"));
        onClose();
      }}
    >
      <TextField label={t("account.current")} name="current" type="password" autoComplete="current-password" required />
      <TextField
        label={t("account.next")}
        name="next"
        type="password"
        autoComplete="new-password"
        minLength={12}
        required
        hint={t("users.passwordHint")}
      />
    </FormDialog>
  );
}

function CodeField() {
  const { t } = useTranslation();
  return (
    <TextField
      label={t("signIn.code")}
      name="code"
      inputMode="numeric"
      autoComplete="one-time-code"
      pattern="[0-9]{6}"
      required
    />
  );
}

function AddSecondFactor({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const begin = useChange<{ secret: string; uri: string }>();
  const confirm = useChange("/sign-in", "/users");
  const [asked, setAsked] = useState(false);
  if (!asked) {
    setAsked(true);
    begin.mutate({ method: "POST", path: "/session/second-factor" });
  }
  return (
    <FormDialog
      title={t("account.turnOn")}
      action={t("account.confirm")}
      onClose={onClose}
      onSubmit={async (data) => {
        await confirm.mutateAsync({
          method: "POST",
          path: "/session/second-factor/confirm",
          body: { code: String(data.get("code")) },
        });
        say(t("account.isOn"));
        onClose();
      }}
    >
      {begin.error !== null && <Problem error={begin.error} />}
      {begin.data && (
        <>
          <p className="text-sm">{t("account.scan")}</p>
          <QrCode text={begin.data.uri} label={t("account.qr")} />
          <Code label={t("secret")}>{begin.data.secret}</Code>
          <CodeField />
        </>
      )}
    </FormDialog>
  );
}

function RemoveSecondFactor({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const change = useChange("/sign-in", "/users");
  return (
    <FormDialog
      danger
      title={t("account.turnOff")}
      action={t("account.turnOff")}
      onClose={onClose}
      onSubmit={async (data) => {
        await change.mutateAsync({
          method: "DELETE",
          path: "/session/second-factor",
          body: { code: String(data.get("code")) },
        });
        onClose();
      }}
    >
      <Note tone="warn">{t("account.turnOffHint")}</Note>
      <CodeField />
    </FormDialog>
  );
}

/** Dark on light in either theme: cameras want it so. */
function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const { data, size } = useMemo(() => encode(text, { border: 2 }), [text]);
  const path = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return (
    <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} className="mx-auto size-48 rounded-lg bg-white">
      <path d={path} fill="#000" shapeRendering="crispEdges" />
    </svg>
  );
}
