"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, body } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { classes } from "@/components/classes";
import { PageHeader } from "@/components/page-header";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { useReader } from "@/session/reader";
import { useWebhooks } from "@/features/channels/channels";
import { ThisDevice } from "@/features/channels/this-device";
import { TelegramChat } from "@/features/channels/telegram-chat";
import { SignedIn } from "@/session/signed-in";
import { useAddress } from "@/shell/address";
import { type Alert, AlertDialog } from "./alert-dialog";
import { channelValue, startOf } from "./alert-settings";
import { conditionWords } from "./condition-words";
import { History } from "./history";

const KEY = ["alerts"] as const;

export function AlertsPage() {
  return (
    <SignedIn here="/alerts/">
      <Alerts />
    </SignedIn>
  );
}

function Alerts() {
  const [search, change] = useAddress();
  const found = useQuery({ queryKey: KEY, queryFn: () => body(api.GET("/v1/alerts")) });
  const webhooks = useWebhooks().data?.items ?? [];
  const start = startOf(search) ?? undefined;
  const pointed = search.get("alert");
  const ask = (open: boolean) => change({ new: open ? "signal" : "", market: "", timeframe: "", level: "" });
  const channelName = (channel: string) => {
    const webhook = webhooks.find((one) => one.webhook_id === channel.replace("webhook:", ""));
    return webhook ? `webhook ${webhook.description || webhook.url}` : channel.replace(/:.*/, "");
  };
  const add = (
    <Button kind="primary" size="small" onClick={() => ask(true)}>
      Make an alert
    </Button>
  );
  return (
    <>
      <PageHeader title="Alerts" actions={add}>
        Told by mail, Telegram, push or webhook when something happens that you wait for. Never ahead of your plan.
      </PageHeader>
      <AlertDialog open={start !== undefined} onOpenChange={ask} start={start} />
      <div className="flex flex-col gap-3">
        {found.isPending && <Skeleton className="h-40" />}
        {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
        {found.isSuccess && !found.data.items.length && (
          <EmptyState title="No alert yet">
            Make one for a signal, a price, a zone or a break of structure, and send yourself a test.
          </EmptyState>
        )}
        {found.data?.items.map((alert) => (
          <OneAlert key={alert.alert_id} alert={alert} pointed={alert.alert_id === pointed} channelName={channelName} />
        ))}
      </div>
      <div className="mt-6 grid gap-3 md:grid-cols-2">
        <ThisDevice />
        <TelegramChat />
      </div>
    </>
  );
}

interface One {
  alert: Alert;
  /** Whether a notification led to it. */
  pointed: boolean;
  channelName: (channel: string) => string;
}

function OneAlert({ alert, pointed, channelName }: One) {
  const { locale } = useReader();
  const [open, setOpen] = useState(pointed);
  const [changing, setChanging] = useState(false);
  const article = useRef<HTMLElement>(null);
  useEffect(() => {
    if (pointed) article.current?.scrollIntoView({ block: "center" });
  }, [pointed]);
  const client = useQueryClient();
  const path = { alert_id: alert.alert_id };
  const again = () => client.invalidateQueries({ queryKey: KEY });
  const toggle = useMutation({
    mutationFn: () => body(api.PATCH("/v1/alerts/{alert_id}", { params: { path }, body: { enabled: !alert.enabled } })),
    onSuccess: again,
  });
  const test = useMutation({
    mutationFn: () => body(api.POST("/v1/alerts/{alert_id}/test", { params: { path } })),
    onSuccess: () => {
      setOpen(true);
      return again();
    },
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/v1/alerts/{alert_id}", { params: { path } }),
    onSuccess: again,
  });
  const failed = [toggle, test, remove].find((one) => one.isError)?.error;
  return (
    <article
      ref={article}
      className={classes("rounded-lg border bg-surface p-4", pointed ? "border-accent" : "border-line")}
      aria-label={alert.name}
    >
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h2 className="flex flex-wrap items-center gap-2 font-semibold">
            {alert.name}
            {!alert.enabled ? (
              <Badge>Off</Badge>
            ) : alert.within_plan ? (
              <Badge tone="up">On</Badge>
            ) : (
              <Badge tone="warn">No room in the plan</Badge>
            )}
          </h2>
          <p className="mt-1 text-soft">{conditionWords(alert.condition, locale)}</p>
          <p className="mt-1 text-sm text-faint">
            By {alert.channels.map((channel) => channelName(channelValue(channel))).join(", ")}
            {alert.quiet_hours && ` · quiet from ${alert.quiet_hours.start} to ${alert.quiet_hours.end}`}
            {alert.expires_at && (
              <>
                {" "}
                · until <Time at={alert.expires_at} />
              </>
            )}
          </p>
        </div>
        <div className="flex flex-wrap gap-1.5">
          <Button size="small" busy={test.isPending} onClick={() => test.mutate()}>
            Send a test
          </Button>
          <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)}>
            History
          </Button>
          <Button size="small" onClick={() => setChanging(true)}>
            Change
          </Button>
          <Button size="small" busy={toggle.isPending} onClick={() => toggle.mutate()}>
            {alert.enabled ? "Turn off" : "Turn on"}
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
      {open && <History alertId={alert.alert_id} channelName={channelName} />}
      <AlertDialog open={changing} onOpenChange={setChanging} alert={alert} />
    </article>
  );
}
