"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schema } from "@/api/client";
import { useProfile } from "@/session/session";
import { lengthOf, type Timeframe, TIMEFRAMES } from "./timeframes";

export type Market = Schema<"StoredMarket">;
export type Watchlist = Schema<"WatchlistShown">;

/** All stored markets. */
export function useMarkets() {
  return useQuery({
    queryKey: ["markets"],
    staleTime: 60_000,
    queryFn: async () => {
      const items: Market[] = [];
      let cursor: string | undefined;
      do {
        const page = await body(api.GET("/v1/markets", { params: { query: { limit: 500, cursor } } }));
        items.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor);
      return items;
    },
  });
}

/** Timeframes of a market, short ones first. */
export function timeframesOf(market: Market | undefined): Timeframe[] {
  const stored = market?.timeframes.map(({ timeframe }) => timeframe) ?? [];
  return TIMEFRAMES.filter((one) => stored.includes(one));
}

/** What is shown of what was asked for: a market that is stored, on a timeframe that it has. */
export function chooseSeries(
  markets: readonly Market[],
  market: string | null,
  timeframe: string | null,
): { market: Market; timeframe: Timeframe } | null {
  const found = markets.find((one) => one.market === market) ?? markets[0];
  const offered = timeframesOf(found);
  if (!found || offered.length === 0) return null;
  const wanted = TIMEFRAMES.find((one) => one === timeframe);
  const nearest = wanted
    ? offered.reduce((best, one) =>
        Math.abs(Math.log(lengthOf(one) / lengthOf(wanted))) < Math.abs(Math.log(lengthOf(best) / lengthOf(wanted)))
          ? one
          : best,
      )
    : (offered.find((one) => one === "15m") ?? offered[0]!);
  return { market: found, timeframe: nearest };
}

/** Newest bars of some markets, or of all, with the day up to them. */
export function useLatest(timeframe: Timeframe | undefined, markets: readonly string[] | null) {
  return useQuery({
    queryKey: ["latest", timeframe, markets],
    enabled: timeframe !== undefined && markets?.length !== 0,
    refetchInterval: 2_000,
    staleTime: 1_000,
    queryFn: async () => {
      const query = { timeframe: timeframe!, market: markets ? [...markets] : undefined };
      return (await body(api.GET("/v1/latest", { params: { query } }))).items;
    },
  });
}

const LISTS = ["watchlists"] as const;

/** Watchlists of whoever is signed in. */
export function useWatchlists() {
  const who = useProfile().data?.user_id;
  return useQuery({
    queryKey: [...LISTS, who],
    enabled: who !== undefined,
    queryFn: async () => (await body(api.GET("/v1/watchlists"))).items,
  });
}

/** Put a market on a list or take it off; the first star makes the list. */
export function useStar() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ list, market }: { list: Watchlist | undefined; market: string }) => {
      if (!list) return body(api.POST("/v1/watchlists", { body: { name: "Watchlist", markets: [market] } }));
      const markets = list.markets.includes(market)
        ? list.markets.filter((one) => one !== market)
        : [...list.markets, market];
      const params = { path: { watchlist_id: list.watchlist_id }, header: { "if-match": `"${list.version}"` } };
      return body(api.PATCH("/v1/watchlists/{watchlist_id}", { params, body: { markets } }));
    },
    onSettled: () => client.invalidateQueries({ queryKey: LISTS }),
  });
}
