"use client";

import { Button } from "@/components/button";
import { type Column, DataTable } from "@/components/data-table";
import { PageHeader } from "@/components/page-header";
import { Stat } from "@/components/stat";
import { EmptyState, ErrorState, Skeleton } from "@/components/states";
import { formatCount, formatR, NOTHING } from "@/format/numbers";
import { SeriesFilters } from "@/features/signals/filter-fields";
import { useReader } from "@/session/reader";
import { useAddress } from "@/shell/address";
import { OverTime } from "./over-time";
import { reading, total, type TrackRecord } from "./reading";
import { recordFilterOf, useRecords } from "./records";
import { WinRate } from "./win-rate";

/** What became of everything that was published. */
export function PerformancePage() {
  const [search, change] = useAddress();
  const filter = recordFilterOf(search);
  const found = useRecords(filter);
  const records = found.data?.pages.flatMap((page) => page.items) ?? [];
  const real = records.filter((record) => !record.simulated);
  const simulated = records.filter((record) => record.simulated);
  const narrowed = Object.values(filter).some((one) => one !== undefined);
  return (
    <>
      <PageHeader title="Performance">
        Every published signal counts, none is left out. R is the risk of one signal: what is lost at its stop. Costs
        are not included.
      </PageHeader>
      <div className="mb-5 grid grid-cols-2 gap-3 sm:flex sm:flex-wrap">
        <SeriesFilters />
      </div>
      {found.isPending && <Skeleton className="h-96" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !records.length && narrowed && (
        <EmptyState
          title="Nothing was published by that choice"
          action={<Button onClick={() => change({ market: "", strategy: "", timeframe: "" })}>Show all of it</Button>}
        >
          Choose another market, strategy or timeframe.
        </EmptyState>
      )}
      {found.isSuccess && !records.length && !narrowed && (
        <EmptyState title="No signal has been published yet">A record begins with the first one.</EmptyState>
      )}
      {real.length > 0 && (
        <>
          <Totals records={real} />
          <OverTime filter={filter} simulated={false} />
          <Records title="By strategy, market and timeframe" records={real} />
        </>
      )}
      {simulated.length > 0 && (
        <div className={real.length ? "mt-10 border-t border-line pt-6" : ""}>
          <h2 className="text-lg font-semibold">Simulated markets</h2>
          <p className="mt-1 mb-4 text-soft">Made-up prices. They show how the platform works, and prove nothing.</p>
          <Totals records={simulated} />
          <OverTime filter={filter} simulated />
          <Records title="Simulated, by strategy, market and timeframe" records={simulated} />
        </div>
      )}
      {found.hasNextPage && (
        <div className="mt-4 flex justify-center">
          <Button busy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </>
  );
}

function Totals({ records }: { records: TrackRecord[] }) {
  const { locale } = useReader();
  const all = total(records);
  return (
    <dl className="mb-5 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Stat name="Published" value={formatCount(all.signals, locale)}>
        {formatCount(all.open, locale)} still open
      </Stat>
      <Stat name="Ended" value={formatCount(all.ended, locale)}>
        {formatCount(all.wins, locale)} of them won
      </Stat>
      <Stat name="All together" value={formatR(all.total_r, locale)}>
        before costs
      </Stat>
      <Stat name="A signal, on average" value={formatR(all.expectancy_r, locale)}>
        before costs
      </Stat>
    </dl>
  );
}

function Records({ title, records }: { title: string; records: TrackRecord[] }) {
  const { locale } = useReader();
  const columns: readonly Column<TrackRecord>[] = [
    { name: "Strategy", cell: (one) => <span className="font-medium">{one.strategy}</span> },
    {
      name: "Market",
      cell: (one) => (
        <span className="whitespace-nowrap">
          {one.market.split(":")[1]} <span className="text-faint">{one.timeframe}</span>
        </span>
      ),
    },
    { name: "Ended", numeric: true, cell: (one) => formatCount(one.sample_size, locale) },
    { name: "Win rate", cell: (one) => <WinRate record={one} /> },
    { name: "Average", numeric: true, cell: (one) => formatR(one.expectancy_r, locale) },
    { name: "Together", numeric: true, cell: (one) => formatR(one.total_r, locale) },
    {
      name: "Profit factor",
      numeric: true,
      cell: (one) => (one.profit_factor == null ? NOTHING : one.profit_factor.toFixed(2)),
    },
    {
      name: "Held",
      numeric: true,
      cell: (one) => (one.average_bars_held == null ? NOTHING : `${formatCount(one.average_bars_held, locale)} bars`),
    },
    { name: "What that says", cell: (one) => <span className="block min-w-48 text-soft">{reading(one)}</span> },
  ];
  return (
    <DataTable
      caption={title}
      columns={columns}
      rows={records}
      keyOf={(one) => `${one.strategy} ${one.market} ${one.timeframe}`}
    />
  );
}
