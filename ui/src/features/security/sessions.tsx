"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { Button } from "@/components/button";
import { Badge, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";

/** Where one is signed in. */
export function Sessions() {
  const client = useQueryClient();
  const found = useQuery({ queryKey: ["sessions"], queryFn: () => body(api.GET("/v1/users/me/sessions")) });
  const end = useMutation({
    mutationFn: (session_id: string) =>
      api.DELETE("/v1/users/me/sessions/{session_id}", { params: { path: { session_id } } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["sessions"] }),
  });
  return (
    <section className="rounded-lg border border-line bg-surface p-5">
      <h2 className="text-base font-semibold">Where you are signed in</h2>
      <p className="mt-1 mb-4 text-soft">End what you do not know, and change the password then.</p>
      {found.isPending && <Skeleton className="h-24" />}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {end.isError && <ErrorState error={end.error} />}
      <ul className="divide-y divide-line">
        {found.data?.items.map((session) => (
          <li key={session.session_id} className="flex flex-wrap items-center justify-between gap-3 py-3">
            <div className="min-w-0">
              <p className="flex flex-wrap items-center gap-2">
                <span className="font-medium break-words">{session.device || "Unknown program"}</span>
                {session.current && <Badge tone="up">This one</Badge>}
                {session.second_factor && <Badge>Second factor</Badge>}
                {session.by_support && <Badge tone="warn">Opened by support</Badge>}
              </p>
              <p className="text-sm text-faint">
                {session.address} · last seen <Time at={session.last_seen_at} />
              </p>
            </div>
            {!session.current && (
              <Button size="small" busy={end.isPending} onClick={() => end.mutate(session.session_id)}>
                End it
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
