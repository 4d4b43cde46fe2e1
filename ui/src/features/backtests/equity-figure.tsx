"use client";

import dynamic from "next/dynamic";
import { useMemo } from "react";
import { type Column, DataTable } from "@/components/data-table";
import { Skeleton } from "@/components/states";
import { type EquityLine, lookOf, type Month, monthsOf } from "@/chart/equity-lines";
import { formatChange } from "@/format/numbers";
import { formatDay } from "@/format/times";
import { useReader } from "@/session/reader";
import type { Curve } from "./backtests";

export const LazyEquityChart = dynamic(() => import("@/chart/equity-chart").then((found) => found.EquityChart), {
  ssr: false,
  loading: () => <Skeleton className="h-80 md:h-96" />,
});

/** What each line is, in colour and pattern. */
export function Legend({ names }: { names: readonly string[] }) {
  return (
    <ul className="flex flex-wrap gap-x-5 gap-y-1 text-sm text-soft">
      {names.map((name, index) => {
        const look = lookOf(index);
        return (
          <li key={name} className="flex items-center gap-2">
            <svg width="28" height="8" aria-hidden>
              <line
                x1="0"
                x2="28"
                y1="4"
                y2="4"
                stroke={`var(${look.colour})`}
                strokeWidth="2.5"
                strokeDasharray={look.dashes}
              />
            </svg>
            {name}
          </li>
        );
      })}
    </ul>
  );
}

/** Equity and drawdown of one backtest, beside who bought and held; and the same by months, as numbers. */
export function EquityFigure({ curve, stitched }: { curve: Curve; stitched: boolean }) {
  const { zone, locale } = useReader();
  const { ts, equity, drawdown, buy_and_hold: held } = curve;
  const lines = useMemo(() => {
    const own: EquityLine = { name: "Strategy", ts, values: equity };
    if (!held) return [own];
    // Where parameters were chosen on the first bars, holding began with those: it is counted from where trading did.
    const from = stitched ? (held[0] ?? 0) : (equity[0] ?? 0);
    const scaled = held.map((value) => (from ? (value / from) * (equity[0] ?? 0) : value));
    return [own, { name: "Buy and hold", ts, values: scaled }];
  }, [ts, equity, held, stitched]);
  const below = useMemo(() => ({ name: "Drawdown", ts, values: drawdown }), [ts, drawdown]);
  const months = useMemo(() => monthsOf(ts, equity, drawdown), [ts, equity, drawdown]);
  const [first] = ts;
  const end = ts.at(-1);
  if (first === undefined || end === undefined) return null;
  const change = (line: EquityLine | undefined) =>
    formatChange((line?.values.at(-1) ?? 0) / (equity[0] || 1) - 1, locale);
  const words =
    `From ${formatDay(first, zone)} to ${formatDay(end, zone)} the account went ${change(lines[0])}` +
    (lines[1] ? `, buying and holding ${change(lines[1])}` : "") +
    `. The deepest drawdown was ${formatChange(Math.min(0, ...drawdown), locale)}.`;
  const columns: readonly Column<Month>[] = [
    { name: "Month", cell: (month) => new Date(month.at).toISOString().slice(0, 7) },
    { name: "Change", numeric: true, cell: (month) => formatChange(month.change, locale) },
    {
      name: "Equity at its end",
      numeric: true,
      cell: (month) => month.end.toLocaleString(locale, { maximumFractionDigits: 2, minimumFractionDigits: 2 }),
    },
    { name: "Deepest drawdown", numeric: true, cell: (month) => formatChange(month.drawdown, locale) },
  ];
  return (
    <section aria-label="Equity and drawdown" className="rounded-lg border border-line bg-surface p-4">
      <div className="mb-3 flex flex-wrap items-baseline justify-between gap-2">
        <h2 className="font-semibold">Equity, and drawdown below</h2>
        <Legend names={lines.map((line) => line.name)} />
      </div>
      <LazyEquityChart lines={lines} drawdown={below} zone={zone} locale={locale} />
      <p className="mt-3 text-soft">{words}</p>
      <details className="mt-2">
        <summary className="w-fit rounded text-sm font-medium text-accent">The same by months</summary>
        <div className="mt-3">
          <DataTable caption="Equity by months" columns={columns} rows={months} keyOf={(month) => String(month.at)} />
        </div>
      </details>
    </section>
  );
}
