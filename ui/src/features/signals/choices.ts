"use client";

import { useQuery } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { useMarkets } from "@/features/market/markets";
import { TIMEFRAMES } from "./filter";

/** What can be chosen of: markets that are stored, strategies that have published, timeframes of both. */
export function useChoices() {
  const markets = useMarkets();
  const records = useQuery({
    queryKey: ["performance", "choices"],
    queryFn: () => body(api.GET("/v1/performance", { params: { query: { limit: 500 } } })),
  });
  const stored = markets.data ?? [];
  const recorded = records.data?.items ?? [];
  const frames = new Set([
    ...stored.flatMap((one) => one.timeframes.map((frame) => frame.timeframe)),
    ...recorded.map((one) => one.timeframe),
  ]);
  return {
    markets: [...new Set([...stored, ...recorded].map((one) => one.market))].sort(),
    strategies: [...new Set(recorded.map((one) => one.strategy))].sort(),
    timeframes: TIMEFRAMES.filter((one) => frames.has(one)),
  };
}
