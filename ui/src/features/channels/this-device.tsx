"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { Badge, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { PUSH, useBrowsers } from "./channels";
import { browserName, pushHere, PushRefused, subscribePush, unsubscribePush } from "./push";

const WORDS = {
  never: "This browser cannot show what is pushed. On a phone it can once the dashboard is installed.",
  refused: "Notifications of this site are turned off in the browser; its settings turn them on again.",
  off: "This browser is told nothing yet.",
  on: "This browser shows what alerts push, also while the dashboard is closed.",
} as const;

/** Browsers that alerts are pushed to; this one among them or not. */
export function ThisDevice() {
  const client = useQueryClient();
  const here = useQuery({ queryKey: [...PUSH, "here"], queryFn: pushHere, staleTime: 0 });
  const known = useBrowsers();
  const again = () => client.invalidateQueries({ queryKey: PUSH });
  const subscribe = useMutation({
    mutationFn: async () => {
      const { public_key } = await body(api.GET("/v1/push/key"));
      const { endpoint = "", keys } = await subscribePush(public_key);
      const settings = {
        endpoint,
        keys: { p256dh: keys?.p256dh ?? "", auth: keys?.auth ?? "" },
        label: browserName(navigator.userAgent),
      };
      await body(api.POST("/v1/push-subscriptions", { body: settings }));
    },
    onSettled: again,
  });
  const forget = useMutation({
    mutationFn: async ({ id, mine }: { id: string; mine: boolean }) => {
      await api.DELETE("/v1/push-subscriptions/{subscription_id}", { params: { path: { subscription_id: id } } });
      if (mine) await unsubscribePush();
    },
    onSettled: again,
  });
  const failed = subscribe.error ?? forget.error;
  const browsers = known.data?.items ?? [];
  const digest = here.data?.digest ?? null;
  // Only what both sides know of works: a browser may have forgotten, and so may the account.
  const on = browsers.some((one) => one.endpoint_sha256 === digest);
  const can = here.data?.can ?? "never";
  return (
    <section aria-labelledby="devices" className="rounded-lg border border-line bg-surface p-4">
      <h2 id="devices" className="font-semibold">
        Push
      </h2>
      {here.isPending || known.isPending ? (
        <Skeleton className="mt-2 h-5 w-72" />
      ) : (
        <p className="mt-1 text-sm text-soft">{WORDS[can !== "yes" ? can : on ? "on" : "off"]}</p>
      )}
      {known.isError && <ErrorState error={known.error} retry={() => void known.refetch()} />}
      <ul className="mt-2">
        {browsers.map(({ subscription_id: id, label, created_at, endpoint_sha256 }) => (
          <li key={id} className="flex items-center justify-between gap-3 py-1 text-sm">
            <span>
              {label || "A browser"} {endpoint_sha256 === digest && <Badge tone="up">This one</Badge>}{" "}
              <span className="text-faint">since</span> <Time at={created_at} />
            </span>
            <Button
              size="small"
              kind="quiet"
              busy={forget.isPending && forget.variables.id === id}
              onClick={() => forget.mutate({ id, mine: endpoint_sha256 === digest })}
            >
              Forget it
            </Button>
          </li>
        ))}
      </ul>
      {failed && (
        <p role="alert" className="mt-2 text-sm text-down">
          {failed instanceof PushRefused ? failed.message : messageOf(failed)}
        </p>
      )}
      {can === "yes" && known.isSuccess && !on && (
        <Button className="mt-3" size="small" busy={subscribe.isPending} onClick={() => subscribe.mutate()}>
          Push to this browser
        </Button>
      )}
    </section>
  );
}
