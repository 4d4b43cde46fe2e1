"use client";

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, body, type Schema } from "@/api/client";
import { type Column, DataTable } from "@/components/data-table";
import { EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { formatCount, formatPrice } from "@/format/numbers";

type Found = Schema<"DataQuality">;
type Seen = { market: string; timeframe: string };

const SERIES: Column<Seen> = { name: "Market", cell: (row) => `${row.market} ${row.timeframe}` };

const GAPS: readonly Column<Found["gaps"][number]>[] = [
  SERIES,
  { name: "First missing", cell: (row) => <Time at={row.first_missing} zone /> },
  { name: "Last missing", cell: (row) => <Time at={row.last_missing} /> },
  { name: "Bars", numeric: true, cell: (row) => formatCount(row.missing_bars) },
];
const REFUSED: readonly Column<Found["refused"][number]>[] = [
  SERIES,
  { name: "Refused", cell: (row) => <Time at={row.refused_at} zone /> },
  { name: "Source", cell: (row) => `${row.source}, ${row.origin}` },
  { name: "Why", cell: (row) => row.reason },
];
const RESTATED: readonly Column<Found["restatements"][number]>[] = [
  SERIES,
  { name: "Bar", cell: (row) => <Time at={row.ts} zone /> },
  { name: "Close was", numeric: true, cell: (row) => formatPrice(row.old_close) },
  { name: "Close is", numeric: true, cell: (row) => formatPrice(row.new_close) },
  { name: "By", cell: (row) => row.source },
  { name: "Stored", cell: (row) => <Time at={row.stored_at} /> },
];
const INGESTED: readonly Column<Found["ingestion"][number]>[] = [
  SERIES,
  { name: "Source", cell: (row) => row.source },
  { name: "Batches", numeric: true, cell: (row) => formatCount(row.batches) },
  { name: "Bars", numeric: true, cell: (row) => formatCount(row.bars) },
  { name: "Put onto the grid", numeric: true, cell: (row) => formatCount(row.snapped_bars) },
  { name: "Repeated", numeric: true, cell: (row) => formatCount(row.duplicate_bars) },
  { name: "Refused", numeric: true, cell: (row) => formatCount(row.refused_bars) },
  { name: "Last batch", cell: (row) => <Time at={row.last_batch_at} /> },
];

/** What ingestion found wrong with the data, newest first. */
export function DataQuality() {
  const found = useQuery({
    queryKey: ["admin", "data-quality"],
    queryFn: () => body(api.GET("/v1/admin/data-quality")),
    refetchInterval: 30_000,
  });
  if (found.isPending) return <Skeleton className="h-96" />;
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  const { gaps, refused, restatements, ingestion } = found.data;
  return (
    <div className="flex flex-col gap-6">
      <Part title="Missing bars" none="No bar is missing" rows={gaps} columns={GAPS}>
        Never filled by anything that was not traded. The exchange had a pause, or a part of the data was not brought
        yet.
      </Part>
      <Part title="Refused batches" none="Nothing was refused" rows={refused} columns={REFUSED}>
        Nothing of these was stored.
      </Part>
      <Part
        title="Bars that were changed afterwards"
        none="No stored bar was ever changed"
        rows={restatements}
        columns={RESTATED}
      >
        The new version counts; everything that follows from it was computed anew.
      </Part>
      <Part title="What each source brought" none="Nothing was brought yet" rows={ingestion} columns={INGESTED} />
    </div>
  );
}

interface PartProps<Row extends Seen> {
  title: string;
  none: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  children?: ReactNode;
}

function Part<Row extends Seen>({ title, none, rows, columns, children }: PartProps<Row>) {
  return (
    <section>
      <h2 className="font-semibold">{title}</h2>
      {children && <p className="mb-2 text-sm text-soft">{children}</p>}
      {rows.length === 0 ? (
        <EmptyState title={none} />
      ) : (
        <DataTable caption={title} columns={columns} rows={rows} keyOf={(row) => JSON.stringify(row)} />
      )}
    </section>
  );
}
