"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { api, body, type Schema } from "@/api/client";
import { Button } from "@/components/button";
import { type Column, DataTable } from "@/components/data-table";
import { SelectField, TextField } from "@/components/field";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { NOTHING } from "@/format/numbers";
import { Deed } from "./deed";

type Person = Schema<"PersonSeen">;

export function People() {
  const [typed, setTyped] = useState("");
  const query = useDeferredValue(typed.trim());
  const found = useInfiniteQuery({
    queryKey: ["admin", "people", query],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/v1/admin/users", { params: { query: { query: query || undefined, cursor: pageParam, limit: 50 } } }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const people = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="flex flex-col gap-4">
      <div className="max-w-sm">
        <TextField
          label="Look for"
          type="search"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          hint="Part of an address or a name."
        />
      </div>
      {found.isPending && <Skeleton className="h-64" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !people.length && <EmptyState title="Nobody is called that" />}
      {people.length > 0 && (
        <DataTable caption="People" columns={COLUMNS} rows={people} keyOf={(person) => person.user_id} />
      )}
      {found.hasNextPage && (
        <Button busy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show more
        </Button>
      )}
    </div>
  );
}

const COLUMNS: readonly Column<Person>[] = [
  {
    name: "Address",
    cell: (person) => (
      <>
        <span className="font-medium break-all">{person.email}</span>
        {person.display_name && <span className="block text-faint">{person.display_name}</span>}
      </>
    ),
  },
  {
    name: "Account",
    cell: (person) => (
      <span className="flex flex-wrap gap-1">
        {person.status === "active" ? <Badge tone="up">Active</Badge> : <Badge tone="down">{person.status}</Badge>}
        {person.role === "admin" && <Badge tone="warn">Administrator</Badge>}
        {person.email_verified_at === null && <Badge>Not confirmed</Badge>}
        {person.second_factor && <Badge>Second factor</Badge>}
      </span>
    ),
  },
  { name: "Since", cell: (person) => <Time at={person.created_at} /> },
  { name: "Last seen", cell: (person) => (person.last_seen_at ? <Time at={person.last_seen_at} /> : NOTHING) },
  { name: "Deeds", cell: (person) => <Deeds person={person} /> },
];

function Deeds({ person }: { person: Person }) {
  const plans = useQuery({ queryKey: ["plans"], queryFn: () => body(api.GET("/v1/plans")), staleTime: 300_000 });
  const path = { user_id: person.user_id };
  const locked = person.status === "locked";
  if (person.status === "deleted") return NOTHING;
  return (
    <span className="flex flex-wrap gap-1.5">
      <Deed
        label={locked ? "Unlock" : "Lock"}
        title={`${locked ? "Unlock" : "Lock"} ${person.email}`}
        danger={!locked}
        act={(_, reason) =>
          locked
            ? api.POST("/v1/admin/users/{user_id}/unlock", { params: { path }, body: { reason } })
            : api.POST("/v1/admin/users/{user_id}/lock", { params: { path }, body: { reason } })
        }
      />
      <Deed
        label="Sign out"
        title={`End all sessions of ${person.email}`}
        act={(_, reason) => api.POST("/v1/admin/users/{user_id}/logout", { params: { path }, body: { reason } })}
      />
      <Deed
        label="Give a plan"
        title={`Give ${person.email} a plan`}
        act={(given, reason) =>
          api.POST("/v1/admin/users/{user_id}/grants", {
            params: { path },
            body: { reason, plan: String(given.get("plan")), until: `${String(given.get("until"))}T00:00:00.000Z` },
          })
        }
      >
        <SelectField label="Plan" name="plan" required>
          {plans.data?.items.map((plan) => (
            <option key={plan.plan} value={plan.plan}>
              {plan.name}
            </option>
          ))}
        </SelectField>
        <TextField label="Until" name="until" type="date" required hint="Midnight at the beginning of that day, UTC." />
      </Deed>
      <Deed
        label={person.role === "admin" ? "Take the role" : "Make administrator"}
        title={
          person.role === "admin"
            ? `${person.email} is no longer an administrator`
            : `Make ${person.email} an administrator`
        }
        danger
        act={(_, reason) =>
          api.POST("/v1/admin/users/{user_id}/role", {
            params: { path },
            body: { reason, role: person.role === "admin" ? "user" : "admin" },
          })
        }
      />
    </span>
  );
}
