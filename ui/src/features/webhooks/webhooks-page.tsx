"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schema } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { PageHeader } from "@/components/page-header";
import { ShownOnce } from "@/components/shown-once";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { SignedIn } from "@/session/signed-in";
import { Deliveries } from "./deliveries";

type Webhook = Schema<"WebhookShown">;
type EventType = NonNullable<Schema<"WebhookSettings">["events"]>[number];

const EVENTS: Record<EventType, string> = {
  "signal.published": "A signal is published",
  "signal.outcome": "A signal reaches a target, its stop or its end",
  "signal.takedown": "A signal is taken down",
  "alert.triggered": "An alert of mine fires",
};
const KEY = ["webhooks"] as const;

export function WebhooksPage() {
  return (
    <SignedIn here="/webhooks/">
      <Webhooks />
    </SignedIn>
  );
}

function Webhooks() {
  const [secret, setSecret] = useState<string>();
  const found = useQuery({ queryKey: KEY, queryFn: () => body(api.GET("/v1/webhooks")) });
  return (
    <>
      <PageHeader title="Webhooks" actions={<NewWebhook onSecret={setSecret} />}>
        Events sent to an address of yours, signed, and sent again for a day until they get through.
      </PageHeader>
      <div className="flex flex-col gap-4">
        {secret && <ShownOnce title="The secret of its signatures" secret={secret} done={() => setSecret(undefined)} />}
        {found.isPending && <Skeleton className="h-40" />}
        {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
        {found.isSuccess && !found.data.items.length && (
          <EmptyState title="No webhook yet">
            Give an address that answers with a 2xx status; a test message shows whether it does.
          </EmptyState>
        )}
        {found.data?.items.map((webhook) => (
          <OneWebhook key={webhook.webhook_id} webhook={webhook} onSecret={setSecret} />
        ))}
      </div>
    </>
  );
}

function State({ webhook }: { webhook: Webhook }) {
  if (!webhook.enabled) return <Badge tone="down">{webhook.disabled_reason ?? "Off"}</Badge>;
  if (webhook.failing_since) return <Badge tone="warn">Does not answer</Badge>;
  return <Badge tone="up">On</Badge>;
}

function OneWebhook({ webhook, onSecret }: { webhook: Webhook; onSecret: (secret: string) => void }) {
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const path = { webhook_id: webhook.webhook_id };
  const again = () => client.invalidateQueries({ queryKey: KEY });
  const test = useMutation({
    mutationFn: () => body(api.POST("/v1/webhooks/{webhook_id}/test", { params: { path } })),
    onSuccess: () => setOpen(true),
  });
  const toggle = useMutation({
    mutationFn: () =>
      body(api.PATCH("/v1/webhooks/{webhook_id}", { params: { path }, body: { enabled: !webhook.enabled } })),
    onSuccess: again,
  });
  const rotate = useMutation({
    mutationFn: () => body(api.POST("/v1/webhooks/{webhook_id}/secret", { params: { path } })),
    onSuccess: async (answer) => {
      onSecret(answer.secret);
      await again();
    },
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/v1/webhooks/{webhook_id}", { params: { path } }),
    onSuccess: again,
  });
  const failed = [test, toggle, rotate, remove].find((one) => one.isError)?.error;
  return (
    <article className="rounded-lg border border-line bg-surface p-4" aria-label={webhook.url}>
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h2 className="flex flex-wrap items-center gap-2">
            <code className="font-mono text-sm break-all">{webhook.url}</code>
            <State webhook={webhook} />
          </h2>
          <p className="mt-1 text-sm text-soft">
            {webhook.description && `${webhook.description} · `}
            {webhook.events.join(", ")}
          </p>
          {webhook.previous_secret_until && (
            <p className="mt-1 text-sm text-faint">
              Signed with the secret before as well, until <Time at={webhook.previous_secret_until} />
            </p>
          )}
        </div>
        <div className="flex flex-wrap gap-1.5">
          <Button size="small" busy={test.isPending} onClick={() => test.mutate()}>
            Send a test
          </Button>
          <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)}>
            Deliveries
          </Button>
          <Button size="small" busy={toggle.isPending} onClick={() => toggle.mutate()}>
            {webhook.enabled ? "Turn off" : "Turn on"}
          </Button>
          <Button size="small" busy={rotate.isPending} onClick={() => rotate.mutate()}>
            New secret
          </Button>
          <Button size="small" kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
            Delete
          </Button>
        </div>
      </div>
      {failed && (
        <p role="alert" className="mt-2 text-sm text-down">
          {messageOf(failed)}
        </p>
      )}
      {open && <Deliveries webhookId={webhook.webhook_id} />}
    </article>
  );
}

function NewWebhook({ onSecret }: { onSecret: (secret: string) => void }) {
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: (settings: Schema<"WebhookSettings">) => body(api.POST("/v1/webhooks", { body: settings })),
    onSuccess: async (answer) => {
      setOpen(false);
      onSecret(answer.secret);
      await client.invalidateQueries({ queryKey: KEY });
    },
  });
  const fields = create.error instanceof ApiProblem ? create.error.fields : undefined;
  return (
    <>
      <Button kind="primary" size="small" onClick={() => setOpen(true)}>
        Add a webhook
      </Button>
      <Dialog
        title="Add a webhook"
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
            create.mutate({
              url: String(given.get("url")).trim(),
              description: String(given.get("description")),
              events: given.getAll("event").map(String) as EventType[],
            });
          }}
        >
          <TextField
            label="Address"
            name="url"
            type="url"
            required
            placeholder="https://"
            hint="Reachable from the internet, by https."
            error={fields?.get("url")}
          />
          <TextField label="Note" name="description" maxLength={200} error={fields?.get("description")} />
          <fieldset className="flex flex-col gap-2">
            <legend className="mb-1.5 text-sm font-medium">Send when</legend>
            {(Object.keys(EVENTS) as EventType[]).map((name) => (
              <label key={name} className="flex items-start gap-2.5 text-sm">
                <input
                  type="checkbox"
                  name="event"
                  value={name}
                  defaultChecked={name !== "alert.triggered"}
                  className="mt-0.5 h-4 w-4 accent-[var(--accent)]"
                />
                {EVENTS[name]}
              </label>
            ))}
          </fieldset>
          {create.isError && !fields?.size && (
            <p role="alert" className="text-sm text-down">
              {messageOf(create.error)}
            </p>
          )}
          <Button type="submit" kind="primary" busy={create.isPending}>
            Add it
          </Button>
        </form>
      </Dialog>
    </>
  );
}
