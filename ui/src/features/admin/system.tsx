"use client";

import { useQuery } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { DataTable } from "@/components/data-table";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { formatCount, NOTHING } from "@/format/numbers";

type Row = Record<string, unknown>;

function text(value: unknown): string {
  if (value === null || value === undefined) return NOTHING;
  return typeof value === "number" ? formatCount(value) : String(value);
}

/** What the platform says of itself; what could not be asked is said, not left out. */
export function System() {
  const status = useQuery({
    queryKey: ["admin", "status"],
    queryFn: () => body(api.GET("/v1/admin/status")),
    refetchInterval: 10_000,
  });
  if (status.isPending) return <Skeleton className="h-96" />;
  if (status.isError) return <ErrorState error={status.error} retry={() => void status.refetch()} />;
  const now = status.data;
  return (
    <div className="flex flex-col gap-6">
      <p className="text-soft">
        As of <Time at={now.at} zone />, asked every ten seconds. The schema of the database is{" "}
        <strong>{text((now.migrations as Row).status)}</strong>.
      </p>
      <Block title="Stores" rows={now.stores as Row[]} keyName="name" />
      <Block title="Series, and how far behind they are" rows={now.series as Row[] | null} keyName="market" />
      <Block title="Queues" rows={now.queues as Row[] | null} keyName="topic" />
      <Block title="Last materializations" rows={now.assets as Row[] | null} keyName="asset" />
    </div>
  );
}

function Block({ title, rows, keyName }: { title: string; rows: Row[] | null; keyName: string }) {
  const names = Object.keys(rows?.[0] ?? {});
  return (
    <section>
      <h2 className="mb-2 font-semibold">{title}</h2>
      {rows === null && <EmptyState title="Cannot be asked now" />}
      {rows?.length === 0 && <EmptyState title="Nothing yet" />}
      {rows !== null && rows.length > 0 && (
        <DataTable
          caption={title}
          rows={rows.map((row, number) => ({ ...row, key: `${String(row[keyName])} ${number}` }))}
          keyOf={(row) => row.key}
          columns={names.map((name) => ({
            name: name.replaceAll("_", " "),
            numeric: typeof rows[0]?.[name] === "number",
            cell: (row: Row) => <Cell name={name} value={row[name]} />,
          }))}
        />
      )}
    </section>
  );
}

const GOOD = new Set(["ok", "sent", "done"]);
const BAD = new Set(["down", "dead", "failed"]);

function Cell({ name, value }: { name: string; value: unknown }) {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return <Time at={value} />;
  if (name === "status" || name === "state") {
    const word = text(value);
    return <Badge tone={GOOD.has(word) ? "up" : BAD.has(word) ? "down" : "plain"}>{word}</Badge>;
  }
  return text(value);
}
