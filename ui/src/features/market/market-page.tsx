"use client";

import { useRouter, useSearchParams } from "next/navigation";
import { EmptyState, ErrorState, Skeleton } from "@/components/states";
import { useChoice } from "@/session/choice";
import { chooseSeries, useMarkets } from "./markets";
import { MarketView } from "./market-view";

const LAST = "market.last";

/** The market of the address; without one the last that was looked at. */
export function MarketPage() {
  const router = useRouter();
  const search = useSearchParams();
  const markets = useMarkets();
  const [last, setLast] = useChoice<{ market: string; timeframe: string } | null>(LAST, null);
  if (markets.isPending) return <Skeleton className="h-[70dvh]" />;
  if (markets.isError) return <ErrorState error={markets.error} retry={() => void markets.refetch()} />;
  const asked = search.get("market");
  const chosen = chooseSeries(
    markets.data,
    asked ?? last?.market ?? null,
    search.get("timeframe") ?? last?.timeframe ?? null,
  );
  if (!chosen) {
    return (
      <EmptyState title="No market is stored yet">
        Bars appear here as soon as the first of them are ingested. A first run takes a minute or two.
      </EmptyState>
    );
  }
  const at = Date.parse(search.get("at") ?? "");
  const { market, timeframe } = chosen;
  function go(name: string, length: string, instant?: number) {
    setLast({ market: name, timeframe: length });
    const next = new URLSearchParams({ market: name, timeframe: length });
    if (instant !== undefined) next.set("at", new Date(instant).toISOString());
    router.replace(`/market/?${next}`, { scroll: false });
  }
  return (
    <MarketView
      key={`${market.market} ${timeframe}`}
      markets={markets.data}
      market={market}
      timeframe={timeframe}
      at={Number.isNaN(at) ? undefined : at}
      missing={asked !== null && asked !== market.market ? asked : null}
      onGo={go}
    />
  );
}
