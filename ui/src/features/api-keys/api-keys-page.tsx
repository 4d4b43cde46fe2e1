"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schema } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { type Column, DataTable } from "@/components/data-table";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { PageHeader } from "@/components/page-header";
import { ShownOnce } from "@/components/shown-once";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { NOTHING } from "@/format/numbers";
import { SignedIn } from "@/session/signed-in";

type Key = Schema<"ApiKeyShown">;
type Scope = Key["scopes"][number];

/** What a key may be allowed, in words. */
const SCOPES: Record<Scope, string> = {
  "market:read": "Read candles, indicators, structure, zones",
  "signals:read": "Read signals and track records",
  "signals:stream": "Open live streams",
  "alerts:read": "Read alerts",
  "alerts:write": "Make and change alerts",
  "webhooks:read": "Read webhooks and their deliveries",
  "webhooks:write": "Make and change webhooks",
  "account:read": "Read the profile and watchlists",
  "account:write": "Change the profile and watchlists",
  "billing:read": "Read subscriptions and invoices",
  backtests: "Ask for backtests and read them",
};
const KEYS = ["api-keys"] as const;

export function ApiKeysPage() {
  return (
    <SignedIn here="/api-keys/">
      <ApiKeys />
    </SignedIn>
  );
}

function ApiKeys() {
  const [made, setMade] = useState<string>();
  const found = useQuery({ queryKey: KEYS, queryFn: () => body(api.GET("/v1/api-keys")) });
  const columns: readonly Column<Key>[] = [
    {
      name: "Name",
      cell: (key) => (
        <>
          <span className="font-medium">{key.name}</span>
          <code className="block font-mono text-xs text-faint">{key.prefix}…</code>
        </>
      ),
    },
    { name: "State", cell: (key) => <State apiKey={key} /> },
    { name: "May", cell: (key) => <span className="block min-w-40 text-soft">{key.scopes.join(", ")}</span> },
    { name: "Last used", cell: (key) => (key.last_used_at ? <Time at={key.last_used_at} /> : NOTHING) },
    { name: "Ends", cell: (key) => (key.expires_at ? <Time at={key.expires_at} /> : "Never") },
    { name: "Deeds", cell: (key) => <Deeds apiKey={key} onMade={setMade} /> },
  ];
  return (
    <>
      <PageHeader title="API keys" actions={<NewKey onMade={setMade} />}>
        For programs of yours. A key may do what its scopes say, and nothing else.
      </PageHeader>
      <div className="flex flex-col gap-4">
        {made && <ShownOnce title="The new key" secret={made} done={() => setMade(undefined)} />}
        {found.isPending && <Skeleton className="h-48" />}
        {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
        {found.isSuccess && !found.data.items.length && (
          <EmptyState title="No key yet">
            Make one, then try it:{" "}
            <code className="font-mono text-sm">curl -H &quot;X-API-Key: …&quot; …/v1/signals</code>
          </EmptyState>
        )}
        {found.isSuccess && found.data.items.length > 0 && (
          <DataTable caption="API keys" columns={columns} rows={found.data.items} keyOf={(key) => key.key_id} />
        )}
      </div>
    </>
  );
}

function State({ apiKey }: { apiKey: Key }) {
  if (apiKey.status === "good") return <Badge tone="up">Good</Badge>;
  if (apiKey.status === "retiring" && apiKey.retires_at) {
    return (
      <span className="flex flex-col gap-1">
        <Badge tone="warn">Being replaced</Badge>
        <span className="text-xs text-faint">
          good until <Time at={apiKey.retires_at} />
        </span>
      </span>
    );
  }
  return <Badge tone="down">{apiKey.status === "revoked" ? "Revoked" : "Ended"}</Badge>;
}

function Deeds({ apiKey, onMade }: { apiKey: Key; onMade: (key: string) => void }) {
  const client = useQueryClient();
  const path = { key_id: apiKey.key_id };
  const again = () => client.invalidateQueries({ queryKey: KEYS });
  const rotate = useMutation({
    mutationFn: () => body(api.POST("/v1/api-keys/{key_id}/rotate", { params: { path }, body: { overlap_hours: 24 } })),
    onSuccess: async (answer) => {
      onMade(answer.key);
      await again();
    },
  });
  const revoke = useMutation({
    mutationFn: () => api.DELETE("/v1/api-keys/{key_id}", { params: { path } }),
    onSuccess: again,
  });
  if (apiKey.status !== "good") return NOTHING;
  return (
    <span className="flex flex-wrap gap-1.5">
      <Button size="small" busy={rotate.isPending} onClick={() => rotate.mutate()}>
        Replace
      </Button>
      <Button size="small" kind="danger" busy={revoke.isPending} onClick={() => revoke.mutate()}>
        Revoke
      </Button>
      {(rotate.isError || revoke.isError) && (
        <span role="alert" className="text-sm text-down">
          {messageOf(rotate.error ?? revoke.error)}
        </span>
      )}
    </span>
  );
}

function NewKey({ onMade }: { onMade: (key: string) => void }) {
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: (settings: Schema<"ApiKeySettings">) => body(api.POST("/v1/api-keys", { body: settings })),
    onSuccess: async (answer) => {
      setOpen(false);
      onMade(answer.key);
      await client.invalidateQueries({ queryKey: KEYS });
    },
  });
  const fields = create.error instanceof ApiProblem ? create.error.fields : undefined;
  return (
    <>
      <Button kind="primary" size="small" onClick={() => setOpen(true)}>
        Make a key
      </Button>
      <Dialog
        title="Make a key"
        open={open}
        onOpenChange={(next) => {
          setOpen(next);
          create.reset();
        }}
      >
        <form
          className="flex flex-col gap-4"
          onSubmit={(event: FormEvent<HTMLFormElement>) => {
            event.preventDefault();
            const given = new FormData(event.currentTarget);
            const day = String(given.get("until"));
            create.mutate({
              name: String(given.get("name")),
              scopes: given.getAll("scope").map(String) as Scope[],
              expires_at: day ? `${day}T00:00:00.000Z` : null,
            });
          }}
        >
          <TextField
            label="Name"
            name="name"
            required
            maxLength={100}
            hint="To know it by."
            error={fields?.get("name")}
          />
          <fieldset className="flex flex-col gap-2">
            <legend className="mb-1.5 text-sm font-medium">What it may do</legend>
            {(Object.keys(SCOPES) as Scope[]).map((scope) => (
              <label key={scope} className="flex items-start gap-2.5 text-sm">
                <input
                  type="checkbox"
                  name="scope"
                  value={scope}
                  defaultChecked={scope === "signals:read"}
                  className="mt-0.5 h-4 w-4 accent-[var(--accent)]"
                />
                {SCOPES[scope]}
              </label>
            ))}
            {fields?.get("scopes") && (
              <p role="alert" className="text-sm text-down">
                {fields.get("scopes")}
              </p>
            )}
          </fieldset>
          <TextField
            label="Ends"
            name="until"
            type="date"
            hint="Midnight at the beginning of that day, UTC; never if empty."
          />
          {create.isError && !fields?.size && (
            <p role="alert" className="text-sm text-down">
              {messageOf(create.error)}
            </p>
          )}
          <Button type="submit" kind="primary" busy={create.isPending}>
            Make it
          </Button>
        </form>
      </Dialog>
    </>
  );
}
