import type { NewSignal } from "@/live/protocol";
import type { SignalFilter } from "./signals";

export const TIMEFRAMES = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"] as const;
const STATUSES = ["open", "closed"] as const;

/** The filter an address tells of; what it tells wrongly does not count. */
export function filterOf(search: URLSearchParams): SignalFilter {
  const direction = search.get("direction");
  return {
    timeframe: TIMEFRAMES.find((one) => one === search.get("timeframe")),
    direction: direction === "long" ? 1 : direction === "short" ? -1 : undefined,
    market: search.get("market") || undefined,
    strategy: search.get("strategy") || undefined,
    status: STATUSES.find((one) => one === search.get("status")),
  };
}

/** Whether a signal that was just published belongs to what is looked at. */
export function fits(filter: SignalFilter, signal: NewSignal): boolean {
  return (
    (filter.market === undefined || filter.market === signal.market) &&
    (filter.timeframe === undefined || filter.timeframe === signal.timeframe) &&
    (filter.strategy === undefined || filter.strategy === signal.strategy) &&
    (filter.direction === undefined || filter.direction === signal.direction) &&
    filter.status !== "closed"
  );
}

/** The neighbour of a row, or the first one if none is selected; it stays at both ends. */
export function neighbour(ids: readonly string[], selected: string | null, step: 1 | -1): string | null {
  const at = selected === null ? -1 : ids.indexOf(selected);
  if (at < 0) return ids[0] ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, at + step))] ?? null;
}
