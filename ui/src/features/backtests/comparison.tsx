"use client";

import Link from "next/link";
import { useMemo } from "react";
import { type EquityLine, sinceStart } from "@/chart/equity-lines";
import { buttonClasses } from "@/components/button";
import { type Column, DataTable } from "@/components/data-table";
import { PageHeader } from "@/components/page-header";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { formatChange } from "@/format/numbers";
import { useReader } from "@/session/reader";
import {
  type Backtest,
  judged,
  type Metric,
  type Summary,
  summaryOf,
  useChoices,
  useCurves,
  useSeveral,
} from "./backtests";
import { LazyEquityChart, Legend } from "./equity-figure";
import { formatMetric } from "./metrics";
import { placeOf } from "./places";
import { FINDINGS, KINDS } from "./words";

const SHOWN = [
  "total_return",
  "annual_return",
  "max_drawdown",
  "sharpe",
  "probabilistic_sharpe",
  "trades",
  "win_rate",
  "profit_factor",
  "expectancy_r",
  "time_in_market",
  "fees",
  "slippage_cost",
  "days",
];

interface Side {
  backtest: Backtest;
  summary: Summary;
  name: string;
}

/** Several backtests side by side. */
export function Comparison({ ids }: { ids: readonly string[] }) {
  const found = useSeveral(ids);
  const choices = useChoices();
  const failed = found.find((one) => one.isError) ?? (choices.isError ? choices : undefined);
  const sides = found.flatMap(({ data }, index): Side[] => {
    const summary = data && summaryOf(data);
    const letter = String.fromCharCode(65 + index);
    return summary ? [{ backtest: data, summary, name: `${letter}: ${data.request.strategy}` }] : [];
  });
  return (
    <>
      <PageHeader
        title="Backtests side by side"
        actions={
          <Link href={placeOf.list} className={buttonClasses("secondary", "small")}>
            All backtests
          </Link>
        }
      >
        The best of several looks better than it is: the more are tried, the luckier the best of them.
      </PageHeader>
      {failed && <ErrorState error={failed.error} retry={() => void failed.refetch()} />}
      {!failed && (found.some((one) => one.isPending) || choices.isPending) && <Skeleton className="h-96" />}
      {choices.data && found.every((one) => one.isSuccess) && (
        <>
          {sides.length < 2 ? (
            <EmptyState title="There are not two that can be compared">
              Runs and walk-forwards that are done can be; choose them in the list.
            </EmptyState>
          ) : (
            <Sides sides={sides} metrics={choices.data.metrics} />
          )}
        </>
      )}
    </>
  );
}

function Sides({ sides, metrics }: { sides: readonly Side[]; metrics: readonly Metric[] }) {
  const { locale } = useReader();
  const rows = SHOWN.flatMap((name) => metrics.find((metric) => metric.name === name) ?? []);
  const columns: readonly Column<Metric>[] = [
    { name: "Number", cell: (metric) => metric.title },
    ...sides.map(({ summary, name }) => ({
      name,
      numeric: true,
      cell: (metric: Metric) => formatMetric(judged(summary)[metric.name], metric, locale),
    })),
  ];
  return (
    <div className="flex flex-col gap-4">
      <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
        {sides.map(({ backtest, summary, name }) => (
          <li key={backtest.backtest_id} className="rounded-lg border border-line bg-surface p-4">
            <Link
              href={placeOf.one(backtest.backtest_id)}
              className="font-semibold text-accent underline-offset-2 hover:underline"
            >
              {name}
            </Link>
            <p className="mt-0.5 mb-2 text-sm text-faint">
              {backtest.request.market.split(":")[1]} {backtest.request.timeframe} ·{" "}
              {KINDS[backtest.kind].toLowerCase()}
              {summary.out_of_sample ? ", out of sample" : ", in sample"}
            </p>
            <Badge tone={FINDINGS[summary.verdict.finding].tone}>{FINDINGS[summary.verdict.finding].words}</Badge>
          </li>
        ))}
      </ul>
      <Curves sides={sides} />
      <DataTable caption="Numbers side by side" columns={columns} rows={rows} keyOf={(metric) => metric.name} />
    </div>
  );
}

function Curves({ sides }: { sides: readonly Side[] }) {
  const { zone, locale } = useReader();
  const { curves, isPending, error } = useCurves(sides.map(({ backtest }) => backtest.backtest_id));
  const lines = useMemo(
    () => curves.map(({ ts, equity }, index): EquityLine => ({ name: String(index), ts, values: sinceStart(equity) })),
    [curves],
  );
  if (error) return <ErrorState error={error} />;
  if (isPending) return <Skeleton className="h-96" />;
  const ends = sides.map(({ name }, index) => `${name} ${formatChange(lines[index]?.values.at(-1), locale)}`);
  return (
    <section aria-label="Equity, side by side" className="rounded-lg border border-line bg-surface p-4">
      <div className="mb-3 flex flex-wrap items-baseline justify-between gap-2">
        <h2 className="font-semibold">Change since each began</h2>
        <Legend names={sides.map(({ name }) => name)} />
      </div>
      <LazyEquityChart lines={lines} relative zone={zone} locale={locale} />
      <p className="mt-3 text-soft">At the end: {ends.join(", ")}.</p>
    </section>
  );
}
