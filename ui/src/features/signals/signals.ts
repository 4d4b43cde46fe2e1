"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";

export type Signal = Schema<"Signal">;
export type SignalDetail = Schema<"SignalDetail">;

/** Which signals are looked for. */
export interface SignalFilter {
  market?: string | undefined;
  timeframe?: Schema<"Timeframe"> | undefined;
  strategy?: string | undefined;
  direction?: 1 | -1 | undefined;
  status?: "open" | "closed" | undefined;
}

/** Published signals, newest first, page by page. */
export function useSignals(filter: SignalFilter) {
  return useInfiniteQuery({
    queryKey: ["signals", filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/signals", { params: { query: { ...filter, cursor: pageParam, limit: 50 } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 30_000,
  });
}

/** One signal with what stands behind it. */
export function useSignal(id: string) {
  return useQuery({
    queryKey: ["signals", "one", id],
    queryFn: () => body(api.GET("/v1/signals/{signal_id}", { params: { path: { signal_id: id } } })),
  });
}

/** What has become of a signal, in a word. */
export function outcomeWord(signal: Pick<Signal, "status" | "outcome" | "target_1_ts">): string {
  switch (signal.outcome) {
    case "target_1":
    case "target_2":
      return "Target hit";
    case "stopped":
      return signal.target_1_ts ? "Stopped after first target" : "Stopped";
    case "expired":
      return "Expired";
    default:
      return signal.target_1_ts ? "Open, first target hit" : "Open";
  }
}
