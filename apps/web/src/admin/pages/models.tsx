import type { ModelView } from "@trunkline/admin/api";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { compact, usd } from "../../shared/format.ts";
import { useList } from "../app/queries.ts";
import { useFilters } from "../app/use-search.ts";
import { TextField } from "../parts/controls.tsx";
import { Badge, Empty, Page, Problem, TextLink, Waiting } from "../parts/display.tsx";
import { More, Table } from "../parts/table.tsx";

const shownCapabilities = ["tools", "images", "jsonSchema", "sessions", "embeddings"] as const;

export function ModelsPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useFilters();
  const list = useList<ModelView>("/models", { text: search["text"], limit: 100 });
  return (
    <Page title={t("nav.models")} lead={t("models.lead")}>
      <form
        role="search"
        className="max-w-sm"
        onSubmit={(event) => {
          event.preventDefault();
          setSearch({ text: String(new FormData(event.currentTarget).get("text")) });
        }}
      >
        <TextField label={t("models.find")} name="text" type="search" defaultValue={search["text"] ?? ""} />
      </form>
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {!list.items && !list.error && <Waiting lines={8} />}
      {list.items?.length === 0 && <Empty title={t("models.none")}>{t("models.noneHint")}</Empty>}
      {list.items && list.items.length > 0 && (
        <Table
          label={t("nav.models")}
          rows={list.items}
          keyOf={({ id, provider }) => `${provider}/${id}`}
          columns={[
            {
              name: "model",
              title: t("requests.model"),
              isHeading: true,
              cell: ({ id, provider, killed }) => (
                <span className="inline-flex flex-wrap items-center gap-1.5">
                  <Link
                    to="/playground"
                    search={{ model: `${provider}/${id}` } as never}
                    className="text-accent underline underline-offset-2"
                  >
                    {id}
                  </Link>
                  {killed && <Badge tone="bad">{t("providers.states.off")}</Badge>}
                </span>
              ),
            },
            { name: "provider", title: t("requests.filter.provider"), cell: ({ provider }) => provider },
            { name: "aliases", title: t("models.aliases"), cell: ({ aliases }) => aliases.join(", ") || "–" },
            {
              name: "price",
              title: t("models.price"),
              align: "right",
              cell: ({ price }) =>
                price === null ? (
                  <span className="text-soft">{t("models.noPrice")}</span>
                ) : (
                  <span className="inline-flex items-center gap-1.5">
                    {price.own && <Badge tone="info">{t("models.own")}</Badge>}
                    {usd(price.input)} / {usd(price.output)}
                  </span>
                ),
            },
            {
              name: "context",
              title: t("models.context"),
              align: "right",
              cell: ({ context }) => (context === null ? "–" : compact(context)),
            },
            {
              name: "can",
              title: t("models.can"),
              cell: ({ capabilities }) => (
                <span className="inline-flex flex-wrap gap-1 max-md:justify-end">
                  {shownCapabilities
                    .filter((name) => capabilities[name] !== false && capabilities[name] !== "none")
                    .map((name) => (
                      <Badge key={name}>{t(`models.capabilities.${name}`)}</Badge>
                    ))}
                </span>
              ),
            },
          ]}
        />
      )}
      <More hasMore={list.hasNextPage} busy={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
      <p className="text-sm text-soft">
        {t("models.change")} <TextLink to="/settings">{t("nav.settings")}</TextLink>
      </p>
    </Page>
  );
}
