import type { GroupView, SignInView, UserView } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { freshTag, useChange, useList, useMay } from "../app/queries.ts";
import { Button, SelectField, Switch, TextArea, TextField } from "../parts/controls.tsx";
import { Badge, Card, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { More, Table } from "../parts/table.tsx";
import { say } from "../parts/toasts.tsx";

const roles = ["none", "viewer", "operator", "admin"] as const;

export function UsersPage() {
  const { t } = useTranslation();
  const may = useMay();
  const mayWrite = may("users:write");
  const list = useList<UserView>("/users");
  const [open, setOpen] = useState<UserView | "new" | "group">();
  return (
    <Page
      title={t("nav.users")}
      lead={t("users.lead")}
      actions={
        mayWrite && (
          <>
            <Button icon="plus" onClick={() => setOpen("group")}>
              {t("users.addGroup")}
            </Button>
            <Button look="primary" icon="plus" onClick={() => setOpen("new")}>
              {t("users.add")}
            </Button>
          </>
        )
      }
    >
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {!list.items && !list.error && <Waiting />}
      {list.items && (
        <Table
          label={t("nav.users")}
          rows={list.items}
          keyOf={({ id }) => id}
          columns={[
            { name: "name", title: t("name"), isHeading: true, cell: ({ name }) => name },
            { name: "email", title: t("users.email"), cell: ({ email }) => email || "–" },
            {
              name: "role",
              title: t("users.role"),
              cell: ({ role }) => <Badge tone={role === "admin" ? "info" : "plain"}>{t(`roles.${role}`)}</Badge>,
            },
            { name: "group", title: t("keys.group"), cell: ({ group }) => group ?? "–" },
            {
              name: "ways",
              title: t("users.ways"),
              cell: (user) => (
                <span className="inline-flex flex-wrap gap-1">
                  {!user.active && <Badge tone="bad">{t("users.inactive")}</Badge>}
                  {user.password && <Badge>{t("password")}</Badge>}
                  {user.second_factor && <Badge tone="good">{t("users.secondFactor")}</Badge>}
                  {user.single_sign_on && <Badge>{t("users.sso")}</Badge>}
                </span>
              ),
            },
            { name: "signedIn", title: t("users.signedIn"), cell: ({ signed_in: at }) => <When at={at} /> },
          ]}
          {...(mayWrite
            ? { actions: (user: UserView) => <Button onClick={() => setOpen(user)}>{t("edit")}</Button> }
            : {})}
        />
      )}
      <More hasMore={list.hasNextPage} busy={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
      <Groups mayWrite={mayWrite} />
      <SignIns mayWrite={mayWrite} />
      {open === "group" && <AddGroup onClose={() => setOpen(undefined)} />}
      {open !== undefined && open !== "group" && (
        <UserDialog user={open === "new" ? undefined : open} onClose={() => setOpen(undefined)} />
      )}
    </Page>
  );
}

function UserDialog({ user, onClose }: { readonly user: UserView | undefined; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const change = useChange("/users", "/sign-ins", "/audit");
  const path = user && `/users/${encodeURIComponent(user.id)}`;
  const [isActive, setActive] = useState(user?.active ?? true);
  const [tag] = useState(() => (path ? freshTag(path) : undefined));
  const groups = useList<GroupView>("/groups", { limit: 200 });
  return (
    <FormDialog
      title={user ? t("users.edit", { name: user.name }) : t("users.add")}
      action={t("save")}
      onClose={onClose}
      onSubmit={async (data) => {
        const text = (name: string) => String(data.get(name) ?? "").trim();
        const password = String(data.get("password") ?? "");
        const body = {
          name: text("name"),
          email: text("email"),
          role: text("role"),
          group: text("group") || null,
          notes: text("notes"),
          active: isActive,
          ...(password === "" ? {} : { password }),
        };
        await change.mutateAsync(
          path ? { method: "PATCH", path, body, tag: await tag } : { method: "POST", path: "/users", body },
        );
        say(t("saved"));
        onClose();
      }}
    >
      <TextField label={t("name")} name="name" required maxLength={100} defaultValue={user?.name ?? ""} />
      <TextField label={t("users.email")} name="email" type="email" defaultValue={user?.email ?? ""} />
      <SelectField
        label={t("users.role")}
        name="role"
        defaultValue={user?.role ?? "none"}
        hint={t("users.roleHint")}
        options={roles.map((name) => [name, t(`roles.${name}`)])}
      />
      <SelectField
        label={t("keys.group")}
        name="group"
        key={groups.items?.length ?? 0}
        defaultValue={user?.group ?? ""}
        options={[["", "–"], ...(groups.items ?? []).map(({ name }) => [name, name] as const)]}
      />
      <TextField
        label={t("users.newPassword")}
        name="password"
        type="password"
        minLength={12}
        autoComplete="new-password"
        hint={t("users.passwordHint")}
      />
      <TextArea label={t("notes")} name="notes" rows={2} maxLength={2000} defaultValue={user?.notes ?? ""} />
      <Switch label={t("users.active")} checked={isActive} onChange={setActive} />
      {user && path && (
        <div className="flex flex-wrap gap-2">
          {user.second_factor && (
            <Button
              onClick={() =>
                void change.mutateAsync({ method: "POST", path: `${path}/reset-second-factor` }).then(onClose)
              }
            >
              {t("users.resetSecondFactor")}
            </Button>
          )}
          <Button
            look="danger"
            onClick={() =>
              void freshTag(path).then((newest) =>
                change.mutate(
                  { method: "DELETE", path, tag: newest },
                  { onSuccess: onClose, onError: (error) => say(error.message, "bad") },
                ),
              )
            }
          >
            {t("users.remove")}
          </Button>
        </div>
      )}
    </FormDialog>
  );
}

function AddGroup({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const change = useChange("/groups", "/audit");
  return (
    <FormDialog
      title={t("users.addGroup")}
      action={t("save")}
      onClose={onClose}
      onSubmit={async (data) => {
        await change.mutateAsync({
          method: "POST",
          path: "/groups",
          body: { name: String(data.get("name")).trim(), notes: String(data.get("notes")) },
        });
        onClose();
      }}
    >
      <TextField label={t("name")} name="name" required maxLength={100} />
      <TextArea label={t("notes")} name="notes" rows={2} maxLength={2000} />
    </FormDialog>
  );
}

function Groups({ mayWrite }: { readonly mayWrite: boolean }) {
  const { t } = useTranslation();
  const list = useList<GroupView>("/groups", { limit: 200 });
  const change = useChange("/groups", "/audit");
  return (
    <Card title={t("users.groups")}>
      {list.error !== null && <Problem error={list.error} />}
      {list.items?.length === 0 && <p className="text-sm text-soft">{t("users.noGroups")}</p>}
      <ul className="grid gap-2">
        {list.items?.map(({ name, users, keys, notes }) => (
          <li key={name} className="flex flex-wrap items-center justify-between gap-2 text-sm">
            <span>
              <span className="font-medium">{name}</span>{" "}
              <span className="text-soft">
                {t("users.inGroup", { users, keys })} {notes}
              </span>
            </span>
            {mayWrite && users + keys === 0 && (
              <Button
                look="danger"
                onClick={() => {
                  const path = `/groups/${encodeURIComponent(name)}`;
                  void freshTag(path).then((tag) => change.mutate({ method: "DELETE", path, tag }));
                }}
              >
                {t("remove")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function SignIns({ mayWrite }: { readonly mayWrite: boolean }) {
  const { t } = useTranslation();
  const list = useList<SignInView>("/sign-ins", { limit: 100 });
  const change = useChange("/sign-ins", "/audit");
  return (
    <Card title={t("users.signIns")}>
      {list.error !== null && <Problem error={list.error} />}
      <ul className="grid gap-2">
        {list.items?.map((session) => (
          <li key={session.id} className="flex flex-wrap items-center justify-between gap-2 text-sm">
            <span className="min-w-0">
              <span className="font-medium">{session.user}</span>{" "}
              <span className="wrap-anywhere text-soft">
                {session.address} · {session.agent} · <When at={session.used} />
              </span>{" "}
              {session.current && <Badge tone="good">{t("users.thisOne")}</Badge>}
            </span>
            {mayWrite && !session.current && (
              <Button
                look="danger"
                onClick={() => change.mutate({ method: "DELETE", path: `/sign-ins/${encodeURIComponent(session.id)}` })}
              >
                {t("users.end")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
