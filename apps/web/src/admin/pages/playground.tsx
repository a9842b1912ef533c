import type { MadeKey, ModelView } from "@trunkline/admin/api";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../../shared/api.ts";
import { milliseconds } from "../../shared/format.ts";
import { useAll } from "../app/queries.ts";
import { useFilters } from "../app/use-search.ts";
import { Button, SelectField, Switch, TextArea, TextField } from "../parts/controls.tsx";
import { Badge, Card, Code, Page, Problem, TextLink } from "../parts/display.tsx";
import { codeFor, codeKinds, type CodeKind } from "../parts/playground/code.ts";
import { dialects, requestFor, textOf, type Dialect } from "../parts/playground/dialects.ts";
import { send, type Run } from "../parts/playground/send.ts";

/** The key of this page, for as long as it is open. */
let kept: MadeKey | undefined;

async function keyOfPage(): Promise<string> {
  const isGood = kept?.key.expires && Date.parse(kept.key.expires) > Date.now() + 60_000;
  if (!isGood) kept = (await call<MadeKey>("POST", "/playground/key", { body: {} })).value;
  return kept!.secret;
}

export function PlaygroundPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useFilters();
  const models = useAll<ModelView>("/models");
  const dialect = (dialects.find((name) => name === search["dialect"]) ?? "openai-chat") satisfies Dialect;
  const model = search["model"] ?? "trunkline/echo";
  const other = search["other"];
  const [system, setSystem] = useState("");
  const [prompt, setPrompt] = useState("Hello");
  const [stream, setStream] = useState(true);
  const [temperature, setTemperature] = useState("");
  const [runs, setRuns] = useState<readonly (Run | undefined)[]>([]);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const stop = useRef<AbortController>(undefined);

  const wanted = [model, ...(other ? [other] : [])];
  const ask = (name: string) =>
    requestFor(dialect, {
      model: name,
      prompt,
      system,
      stream,
      temperature: temperature === "" ? undefined : Number(temperature),
    });

  async function start(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    setRuns(wanted.map(() => undefined));
    stop.current = new AbortController();
    const { signal } = stop.current;
    try {
      const secret = await keyOfPage();
      await Promise.all(
        wanted.map((name, index) =>
          send(dialect, ask(name), secret, signal, (run) => setRuns((before) => before.with(index, run))),
        ),
      );
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Page title={t("nav.playground")} lead={t("playground.lead")}>
      <form
        className="grid gap-4 lg:grid-cols-[1fr_1.3fr]"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <Card className="grid content-start gap-3">
          <datalist id="models">
            {models.map(({ id, provider }) => (
              <option key={`${provider}/${id}`} value={`${provider}/${id}`} />
            ))}
          </datalist>
          <TextField
            label={t("requests.model")}
            list="models"
            required
            value={model}
            onChange={({ target }) => setSearch({ model: target.value })}
          />
          <TextField
            label={t("playground.compare")}
            list="models"
            value={other ?? ""}
            onChange={({ target }) => setSearch({ other: target.value || undefined })}
          />
          <SelectField
            label={t("request.dialect")}
            value={dialect}
            onChange={({ target }) => setSearch({ dialect: target.value })}
            options={dialects.map((name) => [name, t(`dialects.${name}`)])}
          />
          <TextArea
            label={t("playground.system")}
            rows={2}
            value={system}
            onChange={({ target }) => setSystem(target.value)}
          />
          <TextArea
            label={t("playground.prompt")}
            rows={5}
            required
            value={prompt}
            onChange={({ target }) => setPrompt(target.value)}
          />
          <TextField
            label={t("playground.temperature")}
            type="number"
            min={0}
            max={2}
            step={0.1}
            value={temperature}
            placeholder={t("playground.default")}
            onChange={({ target }) => setTemperature(target.value)}
          />
          <Switch label={t("playground.stream")} checked={stream} onChange={setStream} />
          <div className="flex flex-wrap gap-2">
            <Button type="submit" look="primary" icon="playground" busy={busy}>
              {t("playground.send")}
            </Button>
            {busy && <Button onClick={() => stop.current?.abort()}>{t("playground.stop")}</Button>}
          </div>
          {problem !== undefined && <Problem error={problem} />}
          <p className="text-xs text-soft">{t("playground.keyHint")}</p>
        </Card>
        <div className="grid min-w-0 content-start gap-4">
          {wanted.map((name, index) => (
            <Answer key={`${index} ${name}`} name={name} dialect={dialect} run={runs[index]} isBusy={busy} />
          ))}
          <AsCode dialect={dialect} request={ask(model)} />
        </div>
      </form>
    </Page>
  );
}

function Answer({
  name,
  dialect,
  run,
  isBusy,
}: {
  readonly name: string;
  readonly dialect: Dialect;
  readonly run: Run | undefined;
  readonly isBusy: boolean;
}) {
  const { t } = useTranslation();
  return (
    <Card
      title={name}
      actions={
        run && (
          <span className="flex flex-wrap items-center gap-2 text-xs text-soft">
            <Badge tone={run.status < 400 ? "good" : "bad"}>{run.status}</Badge>
            {run.firstMs !== undefined && `${t("request.first")} ${milliseconds(run.firstMs)}`}
            {run.totalMs !== undefined && ` · ${milliseconds(run.totalMs)}`}
            {run.requestId && <TextLink to={`/requests/${run.requestId}`}>{t("request.trace")}</TextLink>}
          </span>
        )
      }
    >
      <div aria-live="polite" aria-busy={isBusy} className="min-h-24 text-sm whitespace-pre-wrap wrap-anywhere">
        {run ? textOf(dialect, run.raw, run.status) : <span className="text-soft">{t("playground.nothingYet")}</span>}
      </div>
      {run && (
        <details className="mt-3 text-sm">
          <summary className="text-soft">{t("playground.raw")}</summary>
          <div className="mt-2 grid gap-2">
            <Code label={t("request.body")}>{JSON.stringify(run.body, null, 2)}</Code>
            <Code label={t("request.answer")}>{`${run.headers}\n\n${run.raw}`}</Code>
          </div>
        </details>
      )}
    </Card>
  );
}

function AsCode({ dialect, request }: { readonly dialect: Dialect; readonly request: ReturnType<typeof requestFor> }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<CodeKind>("curl");
  return (
    <Card
      title={t("playground.code")}
      actions={
        <SelectField
          label={t("playground.language")}
          hideLabel
          value={kind}
          onChange={({ target }) => setKind(target.value as CodeKind)}
          options={codeKinds.map((name) => [name, t(`playground.kinds.${name}`)])}
        />
      }
    >
      <Code label={t("playground.code")}>{codeFor(kind, dialect, request, location.origin)}</Code>
    </Card>
  );
}
