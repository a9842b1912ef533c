import { useTranslation } from "react-i18next";
import { Button } from "./controls.tsx";
import { Dialog } from "./dialog.tsx";
import { Code, Note } from "./display.tsx";

/** A secret that is shown this once, with what to do with it. */
export function SecretDialog({
  title,
  secret,
  example,
  onClose,
}: {
  readonly title: string;
  readonly secret: string;
  readonly example?: string;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  return (
    <Dialog title={title} onClose={onClose} wide>
      <Note tone="warn">{t("shownOnce")}</Note>
      <Code label={t("secret")}>{secret}</Code>
      {example && (
        <div className="grid gap-1">
          <p className="text-sm text-soft">{t("tryIt")}</p>
          <Code label="curl">{example}</Code>
        </div>
      )}
      <div className="flex justify-end">
        <Button look="primary" onClick={onClose} data-first>
          {t("done")}
        </Button>
      </div>
    </Dialog>
  );
}
