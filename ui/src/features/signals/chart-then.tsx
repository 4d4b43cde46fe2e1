"use client";

import { useMemo, useState } from "react";
import { indexAt } from "@/chart/bars";
import type { CandleChart } from "@/chart/candle-chart";
import { ErrorState } from "@/components/states";
import { ChartPanel } from "@/features/market/chart-panel";
import { type Choice, shapesOf } from "@/features/market/layer-choice";
import { Pointer } from "@/features/market/pointer";
import { lengthOf, type Timeframe } from "@/features/market/timeframes";
import { useHistory } from "@/features/market/use-history";

const CHOICE: Choice = {
  layers: ["order_block", "breaker", "fvg", "breaks", "signals"],
  scales: ["swing", "internal"],
};
const NO_INDICATORS: readonly string[] = [];

interface Props {
  id: string;
  market: string;
  timeframe: Timeframe;
  /** Opening of the bar at whose close the signal became known. */
  ts: string;
}

/** The market as it was known when the signal was made: no bar, zone or outcome of later. */
export default function ChartThen({ id, market, timeframe, ts }: Props) {
  const time = Date.parse(ts);
  const length = lengthOf(timeframe);
  const { history, held } = useHistory(market, timeframe, time + length, NO_INDICATORS);
  const [pointer] = useState(() => new Pointer());
  const [, setChart] = useState<CandleChart | null>(null);
  const bars = useMemo(() => held.bars.slice(0, indexAt(held.bars, time) + 1), [held.bars, time]);
  const shapes = useMemo(() => {
    const signal = held.signals.get(id);
    const rows = { zones: held.zones.values(), structure: held.structure, signals: signal ? [signal] : [] };
    return shapesOf(bars, length, rows, CHOICE);
  }, [bars, length, held, id]);
  if (held.error !== null) return <ErrorState error={held.error} retry={() => void history.open(time + length)} />;
  return (
    <div className="relative h-72 overflow-hidden rounded-lg border border-line">
      <ChartPanel
        history={history}
        held={held}
        bars={bars}
        shapes={shapes}
        indicators={NO_INDICATORS}
        pointer={pointer}
        label={`Chart of ${market.split(":")[1]}, ${timeframe}, as it was known when the signal was made: ${bars.length} bars with entry, stop, targets and the zones of then.`}
        onChart={setChart}
      />
    </div>
  );
}
