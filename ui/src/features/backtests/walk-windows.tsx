"use client";

import { type Column, DataTable } from "@/components/data-table";
import { formatChange, formatCount } from "@/format/numbers";
import { useReader } from "@/session/reader";
import type { Result, Row } from "./backtests";
import { formatMetric } from "./metrics";
import { labelOf, valueWords } from "./words";
import { chosenOf, number, windowWords } from "./windows";

/** Windows of walk-forward: what was chosen on one stretch of time, and what it came to in the next. */
export function WalkWindows({ found }: { found: NonNullable<Result["walk_forward"]> }) {
  const { locale } = useReader();
  const { windows, facts } = found;
  const day = (row: Row, name: string) => String(row[name] ?? "").slice(0, 10);
  const sharpe = { name: "sharpe", unit: "ratio" };
  const columns: readonly Column<Row>[] = [
    {
      name: "Traded",
      cell: (row) => (
        <span className="whitespace-nowrap">
          {day(row, "test_begin")} to {day(row, "test_end")}
        </span>
      ),
    },
    {
      name: "Chosen",
      cell: (row) => (
        <span className="numeric whitespace-nowrap">
          {chosenOf(row)
            .map(([name, value]) => `${labelOf(name)} ${valueWords(value)}`)
            .join(", ")}
        </span>
      ),
    },
    { name: "Return in sample", numeric: true, cell: (row) => formatChange(number(row.train_total_return), locale) },
    {
      name: "Return out of sample",
      numeric: true,
      cell: (row) => <strong className="font-semibold">{formatChange(number(row.test_total_return), locale)}</strong>,
    },
    { name: "Sharpe in sample", numeric: true, cell: (row) => formatMetric(row.train_sharpe, sharpe, locale) },
    { name: "Sharpe out of sample", numeric: true, cell: (row) => formatMetric(row.test_sharpe, sharpe, locale) },
    { name: "Trades", numeric: true, cell: (row) => formatCount(number(row.test_trades), locale) },
  ];
  return (
    <section aria-labelledby="windows">
      <h2 id="windows" className="font-semibold">
        In sample and out of sample
      </h2>
      <p className="mt-1 mb-3 text-soft">{windowWords(windows)}</p>
      <DataTable caption="Windows" columns={columns} rows={windows} keyOf={(row) => String(row.test_begin)} />
      <dl className="mt-3 flex flex-wrap gap-x-6 gap-y-1 text-sm">
        {Object.entries(facts).map(([name, value]) => (
          <div key={name} className="flex gap-2">
            <dt className="text-faint">{name}</dt>
            <dd className="numeric">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
