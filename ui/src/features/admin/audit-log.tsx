"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";
import { Button } from "@/components/button";
import { type Column, DataTable } from "@/components/data-table";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { formatCount } from "@/format/numbers";

type AuditRecord = Schema<"AuditRecordSeen">;

const COLUMNS: readonly Column<AuditRecord>[] = [
  { name: "No.", numeric: true, cell: (record) => formatCount(record.sequence) },
  { name: "When", cell: (record) => <Time at={record.at} /> },
  { name: "What", cell: (record) => <span className="font-medium">{record.action}</span> },
  { name: "Whom or what", cell: (record) => <code className="font-mono text-xs break-all">{record.target}</code> },
  {
    name: "By",
    cell: (record) => <code className="font-mono text-xs break-all">{record.actor_id ?? record.means}</code>,
  },
  {
    name: "Details",
    cell: (record) => <code className="font-mono text-xs break-all">{JSON.stringify(record.details)}</code>,
  },
];

/** What was done, by whom and why. Nothing in it can be changed, and that can be checked. */
export function AuditLog() {
  const found = useInfiniteQuery({
    queryKey: ["admin", "audit"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/admin/audit-log", { params: { query: { cursor: pageParam, limit: 50 } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const check = useQuery({
    queryKey: ["admin", "audit", "check"],
    queryFn: () => body(api.GET("/v1/admin/audit-log/verify")),
    enabled: false,
  });
  const records = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center gap-3">
        <Button size="small" busy={check.isFetching} onClick={() => void check.refetch()}>
          Check that nothing was altered
        </Button>
        <span role="status">
          {check.data &&
            (check.data.whole ? (
              <Badge tone="up">{`All ${formatCount(check.data.records)} records are as they were written`}</Badge>
            ) : (
              <Badge tone="down">{`Altered at record ${String(check.data.broken_at)}`}</Badge>
            ))}
        </span>
      </div>
      {check.isError && <ErrorState error={check.error} />}
      {found.isPending && <Skeleton className="h-64" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !records.length && <EmptyState title="Nothing has been done yet" />}
      {records.length > 0 && (
        <DataTable caption="Audit log" columns={COLUMNS} rows={records} keyOf={(record) => String(record.sequence)} />
      )}
      {found.hasNextPage && (
        <Button busy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show older ones
        </Button>
      )}
    </div>
  );
}
