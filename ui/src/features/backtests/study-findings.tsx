"use client";

import { type Column, DataTable } from "@/components/data-table";
import { Stat } from "@/components/stat";
import { Badge, ErrorState, Skeleton } from "@/components/states";
import { formatChange, formatCount, formatShare } from "@/format/numbers";
import { useReader } from "@/session/reader";
import {
  type Backtest,
  judged,
  type Metric,
  type Numbers,
  type Summary,
  useChoices,
  useCurve,
  useResult,
} from "./backtests";
import { EquityFigure } from "./equity-figure";
import { byGroup, formatMetric } from "./metrics";
import { WalkWindows } from "./walk-windows";
import { costWords, FINDINGS, sampleWords } from "./words";

/** What came of a run or of walk-forward: first whether there is an edge at all. */
export function StudyFindings({ backtest, summary }: { backtest: Backtest; summary: Summary }) {
  const id = backtest.backtest_id;
  const curve = useCurve(id);
  const result = useResult(id);
  const stress = result.data?.stress;
  return (
    <>
      <VerdictBox summary={summary} />
      <Headline summary={summary} />
      {curve.isPending && <Skeleton className="h-96" />}
      {curve.isError && <ErrorState error={curve.error} retry={() => void curve.refetch()} />}
      {curve.data && <EquityFigure curve={curve.data} stitched={summary.out_of_sample !== undefined} />}
      {result.isError && <ErrorState error={result.error} retry={() => void result.refetch()} />}
      {result.data?.walk_forward && <WalkWindows found={result.data.walk_forward} />}
      {stress && <StressTable stress={stress} where={summary.out_of_sample ? "In sample" : "On these bars"} />}
      <AllNumbers summary={summary} />
    </>
  );
}

const FRAMES = {
  up: "border-up bg-up-soft",
  down: "border-down bg-down-soft",
  warn: "border-warn bg-warn-soft",
  plain: "border-line bg-surface",
} as const;

function VerdictBox({ summary }: { summary: Summary }) {
  const { verdict, notes } = summary;
  const { words, tone } = FINDINGS[verdict.finding];
  return (
    <section aria-label="Verdict" className={`rounded-lg border px-4 py-3 ${FRAMES[tone]}`}>
      <h2 className="text-lg font-semibold">{words}</h2>
      <p className="mt-1">{verdict.sentence}</p>
      <p className="mt-1 text-soft">{sampleWords(verdict.out_of_sample)}</p>
      {notes.map((note) => (
        <p key={note} className="mt-2 font-medium">
          {note}
        </p>
      ))}
    </section>
  );
}

function Headline({ summary }: { summary: Summary }) {
  const { locale } = useReader();
  const numbers = judged(summary);
  const held = summary.buy_and_hold?.total_return;
  const days = numbers.days == null ? "" : `in ${formatCount(numbers.days, locale)} days`;
  return (
    <dl className="grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
      <Stat name="Return after costs" value={formatChange(numbers.total_return, locale)}>
        {summary.out_of_sample
          ? `out of sample, ${days}`
          : held == null
            ? days
            : `${days}; buying and holding ${formatChange(held, locale)}`}
      </Stat>
      <Stat name="Largest drawdown" value={formatShare(numbers.max_drawdown, locale, 2)}>
        {numbers.max_drawdown_days != null && `longest ${formatCount(numbers.max_drawdown_days, locale)} days`}
      </Stat>
      <Stat name="Trades" value={formatCount(numbers.trades, locale)}>
        {numbers.win_rate != null && `${formatShare(numbers.win_rate, locale)} of them won`}
      </Stat>
      <Stat name="Costs" value={formatMetric(costs(numbers), { name: "fees", unit: "quote currency" }, locale)}>
        {costWords(numbers)}
      </Stat>
    </dl>
  );
}

function costs(numbers: Numbers): number | null {
  const parts = [numbers.fees, numbers.slippage_cost, numbers.funding];
  return parts.every((part) => part == null) ? null : parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
}

const HARDER: readonly [string, string][] = [
  ["base", "As it is"],
  ["fees", "Fees twice"],
  ["slippage", "Slippage three times"],
  ["costs", "Both"],
  ["late", "Every signal a bar late"],
  ["all", "All together"],
];

function StressTable({ stress, where }: { stress: Readonly<Record<string, Numbers>>; where: string }) {
  const { locale } = useReader();
  const rows = HARDER.filter(([name]) => stress[name]);
  const lasting = rows.filter(([name]) => (stress[name]?.total_return ?? 0) > 0).length;
  const columns: readonly Column<readonly [string, string]>[] = [
    { name: "If", cell: ([, words]) => words },
    { name: "Return", numeric: true, cell: ([name]) => formatChange(stress[name]?.total_return, locale) },
    {
      name: "Sharpe ratio",
      numeric: true,
      cell: ([name]) => formatMetric(stress[name]?.sharpe, { name: "sharpe", unit: "ratio" }, locale),
    },
    { name: "Trades", numeric: true, cell: ([name]) => formatCount(stress[name]?.trades, locale) },
  ];
  return (
    <section aria-labelledby="harder">
      <h2 id="harder" className="font-semibold">
        With worse luck at the exchange
      </h2>
      <p className="mt-1 mb-3 text-soft">
        {where},{" "}
        {lasting === rows.length
          ? "it gained in each of these cases."
          : lasting === 0
            ? "it gained in none of these cases."
            : `it gained in ${lasting} of these ${rows.length} cases: what is gone with higher costs leaves no room for a bad estimate of them.`}
      </p>
      <DataTable caption="Higher costs and delay" columns={columns} rows={rows} keyOf={([name]) => name} />
    </section>
  );
}

function AllNumbers({ summary }: { summary: Summary }) {
  const { locale } = useReader();
  const choices = useChoices();
  const sides: [string, Numbers | undefined][] = [
    ["Out of sample", summary.out_of_sample],
    [summary.out_of_sample ? "In sample" : "Strategy", summary.metrics],
    ["Buy and hold", summary.buy_and_hold],
  ];
  const columns: readonly Column<Metric>[] = [
    { name: "Number", cell: (metric) => <span title={metric.definition}>{metric.title}</span> },
    ...sides.flatMap(([name, numbers]) =>
      numbers
        ? [{ name, numeric: true, cell: (metric: Metric) => formatMetric(numbers[metric.name], metric, locale) }]
        : [],
    ),
  ];
  if (!choices.data?.metrics.length) return null;
  return (
    <details className="rounded-lg border border-line bg-surface p-4">
      <summary className="w-fit rounded font-semibold">All numbers</summary>
      <div className="mt-3 grid gap-4 lg:grid-cols-2">
        {byGroup(choices.data.metrics).map(([group, metrics]) => (
          <div key={group} className="min-w-0">
            <h3 className="mb-2 flex items-center gap-2 text-sm font-semibold">
              {group} {summary.out_of_sample && group === "Return" && <Badge>out of sample is what counts</Badge>}
            </h3>
            <DataTable caption={group} columns={columns} rows={metrics} keyOf={(metric) => metric.name} />
          </div>
        ))}
      </div>
    </details>
  );
}
