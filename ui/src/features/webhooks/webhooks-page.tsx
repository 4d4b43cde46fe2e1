"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { PageHeader } from "@/components/page-header";
import { ShownOnce } from "@/components/shown-once";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { useWebhooks, WEBHOOKS } from "@/features/channels/channels";
import { SignedIn } from "@/session/signed-in";
import { Deliveries } from "./deliveries";
import { type Webhook, WebhookDialog } from "./webhook-dialog";

export function WebhooksPage() {
  return (
    <SignedIn here="/webhooks/">
      <Webhooks />
    </SignedIn>
  );
}

function Webhooks() {
  const [secret, setSecret] = useState<string>();
  const [adding, setAdding] = useState(false);
  const found = useWebhooks();
  return (
    <>
      <PageHeader
        title="Webhooks"
        actions={
          <Button kind="primary" size="small" onClick={() => setAdding(true)}>
            Add a webhook
          </Button>
        }
      >
        Events sent to an address of yours, signed, and sent again for a day until they get through.
      </PageHeader>
      <WebhookDialog open={adding} onOpenChange={setAdding} onSecret={setSecret} />
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

/** What it is narrowed to. */
function onlyWords({ markets, timeframes, strategies, direction }: Webhook): string {
  const side = direction === 1 ? "long" : direction === -1 ? "short" : "";
  const only = [...(markets ?? []), ...(timeframes ?? []), ...(strategies ?? []), side].filter(Boolean);
  return only.length ? ` · only ${only.join(", ")}` : "";
}

function OneWebhook({ webhook, onSecret }: { webhook: Webhook; onSecret: (secret: string) => void }) {
  const [open, setOpen] = useState(false);
  const [changing, setChanging] = useState(false);
  const client = useQueryClient();
  const path = { webhook_id: webhook.webhook_id };
  const again = () => client.invalidateQueries({ queryKey: WEBHOOKS });
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
            {onlyWords(webhook)}
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
          <Button size="small" onClick={() => setChanging(true)}>
            Change
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
      <WebhookDialog open={changing} onOpenChange={setChanging} webhook={webhook} />
    </article>
  );
}
