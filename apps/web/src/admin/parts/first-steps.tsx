import { useTranslation } from "react-i18next";
import { Code, Empty, TextLink } from "./display.tsx";

/** A request to try, as one types it. */
export function curlOf(secret: string, model = "trunkline/echo"): string {
  return `curl ${location.origin}/v1/chat/completions \\
  -H 'Authorization: Bearer ${secret}' \\
  -H 'Content-Type: application/json' \\
  -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'`;
}

/** What is to be done where nothing has happened yet. */
export function FirstSteps() {
  const { t } = useTranslation();
  return (
    <Empty title={t("firstSteps.title")}>
      <ol className="grid list-decimal gap-2 pl-5 text-left">
        <li>
          <TextLink to="/keys">{t("firstSteps.key")}</TextLink>
        </li>
        <li>
          <TextLink to="/providers">{t("firstSteps.provider")}</TextLink>
        </li>
        <li>
          {t("firstSteps.request")}
          <div className="mt-2">
            <Code label="curl">{curlOf("tl-…")}</Code>
          </div>
        </li>
      </ol>
    </Empty>
  );
}
