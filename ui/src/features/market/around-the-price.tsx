"use client";

import { memo } from "react";
import type { Bar } from "@/chart/bars";
import { Timeline } from "@/chart/layers/timeline";
import type { Zone } from "@/chart/layers/zones";
import type { ChartSignal } from "@/chart/layers/signals";
import { Badge } from "@/components/states";
import { formatPrice, formatR } from "@/format/numbers";
import { formatTime } from "@/format/times";
import { useReader } from "@/session/reader";
import { zoneName, zonesNear, zoneState } from "./zone-words";

const MOST = 6;

interface Props {
  bars: readonly Bar[];
  length: number;
  zones: readonly Zone[];
  signals: ReadonlyMap<string, ChartSignal>;
}

/** The chart in words: zones near the price and the last signals, as they were known at the last bar that is shown. */
export const AroundThePrice = memo(function AroundThePrice({ bars, length, zones, signals }: Props) {
  const { locale, zone } = useReader();
  const last = bars.at(-1);
  if (!last) return null;
  const timeline = new Timeline(bars, length);
  const near = zonesNear(zones, timeline, last.close).slice(0, MOST);
  const known = [...signals.values()]
    .filter((signal) => timeline.knows(signal.time))
    .sort((one, other) => other.time - one.time)
    .slice(0, MOST);
  return (
    <>
      <section aria-labelledby="zones-near" className="rounded-lg border border-line bg-surface">
        <h2 id="zones-near" className="border-b border-line px-3 py-2 text-sm font-semibold">
          Zones near the price
        </h2>
        {near.length === 0 && <p className="px-3 py-3 text-sm text-soft">None of the layers that are on.</p>}
        <ul className="py-1">
          {near.map((one) => (
            <li key={one.id} className="px-3 py-1.5 text-sm">
              <p className="flex items-baseline justify-between gap-2">
                <span className={one.side > 0 ? "text-up" : "text-down"}>
                  {one.side > 0 ? "▲" : "▼"} {zoneName(one)}
                </span>
                <span className="text-xs text-faint">{zoneState(one, timeline)}</span>
              </p>
              <p className="numeric text-soft">
                {formatPrice(one.bottom, locale)} to {formatPrice(one.top, locale)}
              </p>
            </li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="signals-here" className="rounded-lg border border-line bg-surface">
        <h2 id="signals-here" className="border-b border-line px-3 py-2 text-sm font-semibold">
          Signals here
        </h2>
        {known.length === 0 && <p className="px-3 py-3 text-sm text-soft">None in the bars that are loaded.</p>}
        <ul className="py-1">
          {known.map((signal) => {
            const over = timeline.knows(signal.outcomeAt);
            return (
              <li key={signal.id} className="flex items-center justify-between gap-2 px-3 py-1.5 text-sm">
                <span>
                  <Badge tone={signal.direction > 0 ? "up" : "down"}>
                    {signal.direction > 0 ? "▲ Long" : "▼ Short"}
                  </Badge>{" "}
                  <span className="text-soft">{signal.strategy}</span>
                  <span className="numeric block text-xs text-faint">{formatTime(signal.time + length, zone)}</span>
                </span>
                <span className="numeric text-right">
                  {over ? formatR(signal.resultR, locale) : "Open"}
                  <span className="block text-xs text-faint">{formatPrice(signal.entry, locale)}</span>
                </span>
              </li>
            );
          })}
        </ul>
      </section>
    </>
  );
});
