"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";
import { filterOf } from "@/features/signals/filter";

/** Whose record is looked at. */
export interface RecordFilter {
  market?: string | undefined;
  strategy?: string | undefined;
  timeframe?: Schema<"Timeframe"> | undefined;
}

export function recordFilterOf(search: URLSearchParams): RecordFilter {
  const { market, strategy, timeframe } = filterOf(search);
  return { market, strategy, timeframe };
}

/** Track records by strategy, market and timeframe, page by page. */
export function useRecords(filter: RecordFilter) {
  return useInfiniteQuery({
    queryKey: ["performance", filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/performance", { params: { query: { ...filter, cursor: pageParam, limit: 500 } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}
