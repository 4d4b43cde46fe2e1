"use client";

import { useQuery } from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";
import { type Column, DataTable } from "@/components/data-table";
import { TextField } from "@/components/field";
import { EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { Deed } from "./deed";

type Takedown = Schema<"TakedownSeen">;

const COLUMNS: readonly Column<Takedown>[] = [
  { name: "Signal", cell: (one) => <code className="font-mono text-xs">{one.signal_id}</code> },
  { name: "Since", cell: (one) => <Time at={one.at} /> },
  { name: "Reason", cell: (one) => one.reason },
];

/** Signals that are no longer stood by. They stay visible and count in every record. */
export function Takedowns() {
  const found = useQuery({
    queryKey: ["admin", "takedowns"],
    queryFn: () => body(api.GET("/v1/admin/signals/takedowns")),
  });
  return (
    <div className="flex flex-col gap-4">
      <div>
        <Deed
          label="Take a signal down"
          title="Take a signal down"
          danger
          act={(given, reason) =>
            api.POST("/v1/admin/signals/{signal_id}/takedown", {
              params: { path: { signal_id: String(given.get("signal_id")).trim() } },
              body: { reason },
            })
          }
        >
          <TextField
            label="Its id"
            name="signal_id"
            required
            hint="It stays visible, marked, with its outcome. This cannot be taken back."
          />
        </Deed>
      </div>
      {found.isPending && <Skeleton className="h-40" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !found.data.items.length && <EmptyState title="Every signal is stood by" />}
      {found.isSuccess && found.data.items.length > 0 && (
        <DataTable
          caption="Signals taken down"
          columns={COLUMNS}
          rows={found.data.items}
          keyOf={(one) => one.signal_id}
        />
      )}
    </div>
  );
}
