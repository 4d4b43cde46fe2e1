"use client";

import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { Badge, EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";

type Delivery = Schema<"WebhookDeliveryShown">;

const WORDS: Record<Delivery["state"], [string, "up" | "warn" | "down"]> = {
  delivered: ["Delivered", "up"],
  pending: ["On its way", "warn"],
  dead: ["Given up", "down"],
};

/** What was sent to a webhook, what it answered, and another try by hand. */
export function Deliveries({ webhookId }: { webhookId: string }) {
  const key = ["webhooks", webhookId, "deliveries"] as const;
  const found = useInfiniteQuery({
    queryKey: key,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/v1/webhooks/{webhook_id}/deliveries", {
          params: { path: { webhook_id: webhookId }, query: { cursor: pageParam, limit: 20 } },
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some((one) => one.state === "pending")) ? 2_000 : false,
  });
  const deliveries = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="mt-4 border-t border-line pt-4">
      {found.isPending && <Skeleton className="h-24" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !deliveries.length && <EmptyState title="Nothing has been sent yet" />}
      <ul className="divide-y divide-line">
        {deliveries.map((one) => (
          <OneDelivery key={one.delivery_id} delivery={one} />
        ))}
      </ul>
      {found.hasNextPage && (
        <Button size="small" busy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show older ones
        </Button>
      )}
    </div>
  );
}

function OneDelivery({ delivery }: { delivery: Delivery }) {
  const client = useQueryClient();
  const [word, tone] = WORDS[delivery.state];
  const last = delivery.attempts.at(-1);
  const again = useMutation({
    mutationFn: () =>
      body(
        api.POST("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", {
          params: { path: { webhook_id: delivery.webhook_id, delivery_id: delivery.delivery_id } },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ["webhooks", delivery.webhook_id] }),
  });
  return (
    <li className="flex flex-wrap items-start justify-between gap-3 py-2.5 text-sm">
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-2">
          <Badge tone={tone}>{word}</Badge>
          <span className="font-medium">{delivery.event_type}</span>
          <Time at={delivery.created_at} />
        </p>
        {last && (
          <p className="mt-1 text-faint">
            {delivery.attempts.length === 1 ? "One try" : `${delivery.attempts.length} tries`}; the last{" "}
            {last.status ? `was answered with ${last.status}` : `got no answer: ${last.error ?? "unknown"}`} after{" "}
            {last.duration_ms} ms
            {delivery.next_at && (
              <>
                ; the next at <Time at={delivery.next_at} />
              </>
            )}
          </p>
        )}
        <details className="mt-1">
          <summary className="text-soft">What was sent</summary>
          <pre className="mt-1 max-h-64 overflow-auto rounded bg-sunken p-3 font-mono text-xs break-all whitespace-pre-wrap">
            {delivery.body}
          </pre>
        </details>
        {again.isError && (
          <p role="alert" className="text-down">
            {messageOf(again.error)}
          </p>
        )}
      </div>
      {delivery.state !== "pending" && (
        <Button size="small" busy={again.isPending} onClick={() => again.mutate()}>
          Send again
        </Button>
      )}
    </li>
  );
}
