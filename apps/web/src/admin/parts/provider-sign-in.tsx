import type { ProviderView } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../../shared/api.ts";
import { queryClient, useChange, useGet } from "../app/queries.ts";
import { Button, TextArea } from "./controls.tsx";
import { Dialog } from "./dialog.tsx";
import { Code, Note, Problem, Waiting } from "./display.tsx";
import { say } from "./toasts.tsx";

type Status = {
  readonly state: string;
  readonly problem: string | null;
  readonly subject?: string | null;
  readonly flows: readonly string[];
  readonly login?: { readonly status: "pending" | "done" | "failed" | "claimed"; readonly problem: string | null };
};

type Begun = {
  readonly login: string;
  readonly open?: string;
  readonly verification_uri?: string;
  readonly verification_uri_complete?: string;
  readonly user_code?: string;
};

/** Signing in to a provider: in another tab, by a code typed elsewhere, or by handing a credential in. */
export function SignInDialog({ provider, onClose }: { readonly provider: ProviderView; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const base = `/v1/auth/${encodeURIComponent(provider.name)}`;
  const [begun, setBegun] = useState<Begun>();
  const [problem, setProblem] = useState<unknown>();
  const status = useGet<Status>(`${base}/status`, begun ? { login: begun.login } : {}, { everyMs: 2000 });
  const out = useChange("/providers", base);
  const flows = status.data?.flows ?? [];

  async function begin(flow: "code" | "device"): Promise<void> {
    setProblem(undefined);
    try {
      const { value } = await call<Begun>("POST", `${base}/login`, { body: { flow } });
      setBegun(value);
      if (value.open) window.open(value.open, "_blank", "noopener");
    } catch (error) {
      setProblem(error);
    }
  }

  return (
    <Dialog title={t("providers.signInTo", { name: provider.name })} onClose={onClose}>
      {!status.data && !status.error && <Waiting lines={2} />}
      {status.error !== null && <Problem error={status.error} />}
      {status.data && (
        <Note tone={status.data.state === "ready" ? "good" : "warn"}>
          {status.data.state === "ready" ? t("providers.signedIn") : t("providers.signedOut")} {status.data.subject}{" "}
          {status.data.problem}
        </Note>
      )}
      {problem !== undefined && <Problem error={problem} />}
      {status.data?.login?.status === "failed" && <Note tone="bad">{status.data.login.problem}</Note>}
      <div className="flex flex-wrap gap-2">
        {flows.includes("code") && (
          <Button look="primary" onClick={() => void begin("code")}>
            {t("providers.inBrowser")}
          </Button>
        )}
        {flows.includes("device") && <Button onClick={() => void begin("device")}>{t("providers.byCode")}</Button>}
        {status.data?.state === "ready" && (
          <Button look="danger" busy={out.isPending} onClick={() => out.mutate({ method: "DELETE", path: base })}>
            {t("signOut")}
          </Button>
        )}
      </div>
      {begun?.user_code && (
        <div className="grid gap-2 text-sm">
          <p>
            {t("providers.typeCode")}{" "}
            <a
              href={begun.verification_uri_complete ?? begun.verification_uri}
              target="_blank"
              rel="noreferrer"
              className="text-accent underline underline-offset-2"
            >
              {begun.verification_uri}
            </a>
          </p>
          <Code>{begun.user_code}</Code>
        </div>
      )}
      {flows.includes("credential") && <HandIn base={base} onDone={onClose} />}
    </Dialog>
  );
}

function HandIn({ base, onDone }: { readonly base: string; readonly onDone: () => void }) {
  const { t } = useTranslation();
  const [problem, setProblem] = useState<unknown>();
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        const credential = String(new FormData(event.currentTarget).get("credential")).trim();
        const body: unknown = credential.startsWith("{") ? JSON.parse(credential) : { credential };
        call("POST", base, { body }).then(
          () => {
            void queryClient.invalidateQueries();
            say(t("saved"));
            onDone();
          },
          (error: unknown) => setProblem(error),
        );
      }}
    >
      <TextArea
        label={t("providers.credential")}
        name="credential"
        rows={4}
        required
        autoComplete="off"
        spellCheck={false}
      />
      {problem !== undefined && <Problem error={problem} />}
      <div>
        <Button type="submit">{t("providers.handIn")}</Button>
      </div>
    </form>
  );
}
