import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./controls.tsx";

export type Column<Row> = {
  readonly name: string;
  /** What stands over it, and beside each value where the screen is narrow. */
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  readonly align?: "right";
  /** The one a row is known by: it stands first and is its heading. */
  readonly isHeading?: true;
};

type TableProps<Row> = {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Shown at the end of each row. */
  readonly actions?: (row: Row) => ReactNode;
};

/** A table; on a narrow screen each row becomes a card with its titles beside the values. */
export function Table<Row>({ label, columns, rows, keyOf, actions }: TableProps<Row>) {
  const { t } = useTranslation();
  return (
    <div className="overflow-x-auto rounded-xl border border-line bg-raised max-md:border-0 max-md:bg-transparent">
      <table className="w-full border-collapse text-sm max-md:block" aria-label={label}>
        <thead className="max-md:sr-only">
          <tr className="border-b border-line text-left text-xs text-soft">
            {columns.map(({ name, title, align }) => (
              <th key={name} scope="col" className={`px-3 py-2 font-medium ${align === "right" ? "text-right" : ""}`}>
                {title}
              </th>
            ))}
            {actions && (
              <th scope="col" className="px-3 py-2">
                <span className="sr-only">{t("actions")}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody className="max-md:grid max-md:gap-2">
          {rows.map((row) => (
            <tr
              key={keyOf(row)}
              className="border-b border-line last:border-0 hover:bg-sunken/60 max-md:grid max-md:gap-1 max-md:rounded-xl max-md:border max-md:border-line max-md:bg-raised max-md:p-3 max-md:last:border"
            >
              {columns.map(({ name, title, cell, align, isHeading }) => {
                const Cell = isHeading ? "th" : "td";
                return (
                  <Cell
                    key={name}
                    {...(isHeading ? { scope: "row" } : {})}
                    className={`px-3 py-2 align-middle font-normal max-md:flex max-md:items-baseline max-md:justify-between max-md:gap-3 max-md:p-0 max-md:text-left ${align === "right" ? "text-right tabular-nums" : "text-left"}`}
                  >
                    <span aria-hidden="true" className="hidden shrink-0 text-xs text-soft max-md:inline">
                      {title}
                    </span>
                    <span className="min-w-0 wrap-anywhere max-md:text-right">{cell(row)}</span>
                  </Cell>
                );
              })}
              {actions && (
                <td className="px-2 py-1 text-right max-md:flex max-md:flex-wrap max-md:justify-end max-md:gap-1 max-md:p-0">
                  <span className="inline-flex flex-wrap justify-end gap-1">{actions(row)}</span>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function More({
  hasMore,
  busy,
  onMore,
}: {
  readonly hasMore: boolean;
  readonly busy: boolean;
  readonly onMore: () => void;
}) {
  const { t } = useTranslation();
  if (!hasMore) return null;
  return (
    <div className="flex justify-center">
      <Button onClick={onMore} busy={busy}>
        {t("more")}
      </Button>
    </div>
  );
}
