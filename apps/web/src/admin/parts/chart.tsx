import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import "uplot/dist/uPlot.min.css";
import { axisTime, shortTime } from "../../shared/format.ts";
import { usePreferences } from "../../shared/preferences.ts";
import { Button } from "./controls.tsx";

export type Series = {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly color: "accent" | "info" | "warn" | "bad" | "good" | "soft";
  readonly fill?: boolean;
  readonly dash?: boolean;
};

type ChartProps = {
  readonly label: string;
  /** ISO 8601, one for each value. */
  readonly times: readonly string[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly height?: number;
};

/** Lines over time. The picture is for the eye; the same numbers can be read as a table. */
export function Chart({ label, times, series, format, height = 180 }: ChartProps) {
  const { t } = useTranslation();
  const [asTable, setAsTable] = useState(false);
  return (
    <figure className="grid gap-2">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <ul aria-label={t("legend")} className="flex flex-wrap gap-x-3 gap-y-1 text-xs text-soft">
          {series.map(({ label: name, color }) => (
            <li key={name} className="inline-flex items-center gap-1.5">
              <span aria-hidden="true" className="h-0.5 w-4 rounded" style={{ background: `var(--${color})` }} />
              {name}
            </li>
          ))}
        </ul>
        <Button look="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? t("asChart") : t("asTable")}
        </Button>
      </div>
      {asTable ? (
        <div tabIndex={0} role="region" aria-label={label} className="max-h-60 overflow-auto">
          <table className="w-full text-xs tabular-nums">
            <thead className="sticky top-0 bg-raised text-left text-soft">
              <tr>
                <th scope="col" className="py-1 font-medium">
                  {t("time")}
                </th>
                {series.map(({ label: name }) => (
                  <th key={name} scope="col" className="py-1 text-right font-medium">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((at, index) => (
                <tr key={at} className="border-t border-line">
                  <th scope="row" className="py-1 text-left font-normal">
                    {shortTime(at)}
                  </th>
                  {series.map(({ label: name, values }) => (
                    <td key={name} className="py-1 text-right">
                      {values[index] == null ? "–" : format(values[index])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Plot label={label} times={times} series={series} format={format} height={height} />
      )}
      <figcaption className="sr-only">{label}</figcaption>
    </figure>
  );
}

function Plot({ label, times, series, format, height = 180 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const { theme } = usePreferences();
  useEffect(() => {
    const element = place.current!;
    let plot: { setSize(size: { width: number; height: number }): void; destroy(): void } | undefined;
    let isOver = false;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const watcher = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }));
    const span = times.length > 1 ? Date.parse(times.at(-1)!) - Date.parse(times[0]!) : 0;
    void import("uplot").then(({ default: UPlot }) => {
      if (isOver) return;
      const axis = { stroke: color("soft"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false } };
      plot = new UPlot(
        {
          width: element.clientWidth,
          height,
          legend: { show: false },
          cursor: { y: false },
          padding: [8, 20, 0, 0],
          scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
          axes: [
            { ...axis, space: 70, values: (_plot, splits) => splits.map((at) => axisTime(at * 1000, span)) },
            {
              ...axis,
              size: 62,
              values: (_plot, splits) => splits.map((value) => (value === null ? "" : format(value))),
            },
          ],
          series: [
            {},
            ...series.map(({ label: name, color: stroke, fill, dash }) => ({
              label: name,
              stroke: color(stroke),
              width: 2,
              points: { show: times.length < 3 },
              ...(fill ? { fill: color(`${stroke}-soft`) || color("sunken") } : {}),
              ...(dash ? { dash: [5, 4] } : {}),
            })),
          ],
        },
        [times.map((at) => Date.parse(at) / 1000), ...series.map(({ values }) => [...values])] as never,
        element,
      );
      watcher.observe(element);
    });
    return () => {
      isOver = true;
      watcher.disconnect();
      plot?.destroy();
    };
  }, [times, series, format, height, theme]);
  return <div ref={place} role="img" aria-label={label} style={{ height }} className="w-full min-w-0" />;
}
