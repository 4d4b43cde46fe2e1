"use client";

import { useQuery } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";

const TONES = { sent: "up", queued: "plain", retrying: "warn", failed: "down" } as const;

/** What fired, and how far each message of it got. */
export function History({ alertId, channelName }: { alertId: string; channelName: (channel: string) => string }) {
  const found = useQuery({
    queryKey: ["alerts", alertId, "history"],
    queryFn: () =>
      body(api.GET("/v1/alerts/{alert_id}/history", { params: { path: { alert_id: alertId }, query: { limit: 20 } } })),
    refetchInterval: 3_000,
  });
  return (
    <div className="mt-4 border-t border-line pt-3">
      {found.isPending && <Skeleton className="h-16" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !found.data.items.length && <EmptyState title="It has not fired yet" />}
      <ul className="divide-y divide-line">
        {found.data?.items.map((one) => (
          <li key={one.firing_id} className="flex flex-wrap items-center justify-between gap-2 py-2 text-sm">
            <span>
              <span className="font-medium">{one.title}</span>{" "}
              <span className="text-faint">
                <Time at={one.matched_at} />
              </span>
            </span>
            <span className="flex flex-wrap gap-1">
              {one.channels.map((channel) => (
                <span key={channel.channel} className="flex items-center gap-1.5">
                  {channel.detail && <span className="text-faint">{channel.detail}</span>}
                  <Badge tone={TONES[channel.state]}>{`${channelName(channel.channel)}: ${channel.state}`}</Badge>
                </span>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
