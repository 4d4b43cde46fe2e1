"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, type Schema } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { PageHeader } from "@/components/page-header";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { useReader } from "@/session/reader";
import { ThisDevice } from "@/features/channels/this-device";
import { TelegramChat } from "@/features/channels/telegram-chat";
import { SignedIn } from "@/session/signed-in";
import { conditionWords } from "./condition-words";
import { History } from "./history";
import { NewAlert } from "./new-alert";

type Alert = Schema<"AlertShown">;
const KEY = ["alerts"] as const;

export function AlertsPage() {
  return (
    <SignedIn here="/alerts/">
      <Alerts />
    </SignedIn>
  );
}

function Alerts() {
  const found = useQuery({ queryKey: KEY, queryFn: () => body(api.GET("/v1/alerts")) });
  return (
    <>
      <PageHeader title="Alerts" actions={<NewAlert />}>
        Told by mail, Telegram, push or webhook when something happens that you wait for. Never ahead of your plan.
      </PageHeader>
      <div className="flex flex-col gap-3">
        {found.isPending && <Skeleton className="h-40" />}
        {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
        {found.isSuccess && !found.data.items.length && (
          <EmptyState title="No alert yet">Make one for a signal or a price, and send yourself a test.</EmptyState>
        )}
        {found.data?.items.map((alert) => (
          <OneAlert key={alert.alert_id} alert={alert} />
        ))}
      </div>
      <div className="mt-6 grid gap-3 md:grid-cols-2">
        <ThisDevice />
        <TelegramChat />
      </div>
    </>
  );
}

function OneAlert({ alert }: { alert: Alert }) {
  const { locale } = useReader();
  const [open, setOpen] = useState(false);
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
    <article className="rounded-lg border border-line bg-surface p-4" aria-label={alert.name}>
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
            By {alert.channels.map((channel) => channel.type).join(", ")}
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
      {open && <History alertId={alert.alert_id} />}
    </article>
  );
}
