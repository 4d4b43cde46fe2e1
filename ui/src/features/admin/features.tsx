"use client";

import { useQuery } from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";
import type { paths } from "@/api/schema";
import { type Column, DataTable } from "@/components/data-table";
import { TextField } from "@/components/field";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Deed } from "./deed";

type Flag = Schema<"FlagSeen">;
type FeatureName = paths["/v1/admin/flags/{name}"]["put"]["parameters"]["path"]["name"];

const COLUMNS: readonly Column<Flag>[] = [
  { name: "Feature", cell: (flag) => <span className="font-medium">{flag.name}</span> },
  {
    name: "On for",
    cell: (flag) =>
      flag.enabled ? (
        <Badge tone="up">
          {flag.plans.length ? `${flag.percentage} % and ${flag.plans.join(", ")}` : `${flag.percentage} %`}
        </Badge>
      ) : (
        <Badge tone="down">Nobody</Badge>
      ),
  },
  {
    name: "Deeds",
    cell: (flag) => (
      <Deed
        label="Change"
        title={`Whom ${flag.name} is on for`}
        act={(given, reason) => {
          const percentage = Number(given.get("percentage"));
          return api.PUT("/v1/admin/flags/{name}", {
            params: { path: { name: flag.name as FeatureName } },
            body: { reason, enabled: percentage > 0 || flag.plans.length > 0, percentage, plans: flag.plans },
          });
        }}
      >
        <TextField
          label="Part of all people, in percent"
          name="percentage"
          type="number"
          min={0}
          max={100}
          required
          defaultValue={flag.enabled ? flag.percentage : 0}
        />
      </Deed>
    ),
  },
];

export function Features() {
  const flags = useQuery({ queryKey: ["admin", "flags"], queryFn: () => body(api.GET("/v1/admin/flags")) });
  if (flags.isPending) return <Skeleton className="h-40" />;
  if (flags.isError) return <ErrorState error={flags.error} retry={() => void flags.refetch()} />;
  if (!flags.data.items.length) return <EmptyState title="No feature can be switched" />;
  return <DataTable caption="Features" columns={COLUMNS} rows={flags.data.items} keyOf={(flag) => flag.name} />;
}
