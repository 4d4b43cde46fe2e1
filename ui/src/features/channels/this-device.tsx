"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { browserName, pushState, subscribePush } from "./push";

const KEY = ["push"] as const;
const WORDS = {
  unsupported: "This browser cannot show what is pushed. On a phone it can once the dashboard is installed.",
  refused: "Notifications of this site are turned off in the browser; its settings turn them on again.",
  off: "This browser is told nothing yet.",
  on: "This browser shows what alerts push, also while the dashboard is closed.",
} as const;

/** Browsers that alerts are pushed to; this one among them or not. */
export function ThisDevice() {
  const client = useQueryClient();
  const state = useQuery({ queryKey: [...KEY, "state"], queryFn: pushState, staleTime: 0 });
  const known = useQuery({ queryKey: [...KEY, "list"], queryFn: () => body(api.GET("/v1/push-subscriptions")) });
  const again = () => client.invalidateQueries({ queryKey: KEY });
  const subscribe = useMutation({
    mutationFn: async () => {
      const { public_key } = await body(api.GET("/v1/push/key"));
      const { endpoint = "", keys } = await subscribePush(public_key);
      const settings = {
        endpoint,
        keys: { p256dh: keys?.p256dh ?? "", auth: keys?.auth ?? "" },
        label: browserName(navigator.userAgent),
      };
      await api.POST("/v1/push-subscriptions", { body: settings });
    },
    onSettled: again,
  });
  const forget = useMutation({
    mutationFn: (subscription_id: string) =>
      api.DELETE("/v1/push-subscriptions/{subscription_id}", { params: { path: { subscription_id } } }),
    onSettled: again,
  });
  const failed = subscribe.error ?? forget.error;
  return (
    <section aria-labelledby="devices" className="rounded-lg border border-line bg-surface p-4">
      <h2 id="devices" className="font-semibold">
        Push
      </h2>
      {state.isPending ? (
        <Skeleton className="mt-2 h-5 w-72" />
      ) : (
        <p className="mt-1 text-sm text-soft">{WORDS[state.data ?? "unsupported"]}</p>
      )}
      {known.isError && <ErrorState error={known.error} retry={() => void known.refetch()} />}
      <ul className="mt-2">
        {known.data?.items.map(({ subscription_id, label, created_at }) => (
          <li key={subscription_id} className="flex items-center justify-between gap-3 py-1 text-sm">
            <span>
              {label || "A browser"} <span className="text-faint">since</span> <Time at={created_at} />
            </span>
            <Button size="small" kind="quiet" onClick={() => forget.mutate(subscription_id)}>
              Forget it
            </Button>
          </li>
        ))}
      </ul>
      {failed && (
        <p role="alert" className="mt-2 text-sm text-down">
          {messageOf(failed)}
        </p>
      )}
      {state.data === "off" && (
        <Button className="mt-3" size="small" busy={subscribe.isPending} onClick={() => subscribe.mutate()}>
          Push to this browser
        </Button>
      )}
    </section>
  );
}
