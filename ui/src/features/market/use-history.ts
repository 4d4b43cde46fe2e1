"use client";

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { columnsOf } from "./indicator-catalogue";
import { MarketHistory } from "./market-history";
import { apiSource } from "./source";
import type { Timeframe } from "./timeframes";

/** History of a market, opened at an instant or at its newest bar. */
export function useHistory(
  market: string,
  timeframe: Timeframe,
  at: number | undefined,
  indicators: readonly string[],
) {
  const history = useMemo(() => new MarketHistory(apiSource, { market, timeframe }), [market, timeframe]);
  useEffect(() => {
    void history.open(at);
  }, [history, at]);
  useEffect(() => {
    void history.setColumns(columnsOf(indicators));
  }, [history, indicators]);
  const held = useSyncExternalStore(history.subscribe, history.read, history.read);
  return { history, held };
}
