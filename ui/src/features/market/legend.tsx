"use client";

import { memo, useSyncExternalStore } from "react";
import type { Bar } from "@/chart/bars";
import { Timeline } from "@/chart/layers/timeline";
import type { Zone } from "@/chart/layers/zones";
import { formatChange, formatPrice, formatQuantity } from "@/format/numbers";
import { formatTime } from "@/format/times";
import { useReader } from "@/session/reader";
import { INDICATORS } from "./indicator-catalogue";
import type { Held } from "./market-history";
import type { Pointer } from "./pointer";
import { zoneName, zonesAt, zoneState } from "./zone-words";

interface Props {
  pointer: Pointer;
  held: Held;
  bars: readonly Bar[];
  length: number;
  zones: readonly Zone[];
  indicators: readonly string[];
}

/** The bar under the pointer, or the last one, in numbers; and the zones that the pointer is in. */
export const Legend = memo(function Legend({ pointer, held, bars, length, zones, indicators }: Props) {
  const { locale, zone } = useReader();
  const pointed = useSyncExternalStore(pointer.subscribe, pointer.read, pointer.read);
  const bar = bars[Math.min(bars.length - 1, Math.max(0, pointed?.index ?? bars.length - 1))];
  if (!bar) return null;
  const change = bar.open === 0 ? null : bar.close / bar.open - 1;
  const tone = bar.close >= bar.open ? "text-up" : "text-down";
  const under = pointed ? zonesAt(zones, new Timeline(bars, length), pointed.index, pointed.price).slice(0, 3) : [];
  const row = held.indicators.get(bar.time);
  return (
    <div className="numeric pointer-events-none absolute top-1.5 left-2 z-10 max-w-[calc(100%-5.5rem)] text-xs leading-5">
      <p className="flex flex-wrap gap-x-3 rounded bg-surface/75 px-1">
        <span className="text-faint">{formatTime(bar.time, zone)}</span>
        {(
          [
            ["O", bar.open],
            ["H", bar.high],
            ["L", bar.low],
            ["C", bar.close],
          ] as const
        ).map(([name, price]) => (
          <span key={name} className={tone}>
            <span className="text-faint">{name} </span>
            {formatPrice(price, locale)}
          </span>
        ))}
        <span className={tone}>
          {bar.close >= bar.open ? "▲" : "▼"} {formatChange(change, locale)}
        </span>
        <span className="text-soft">
          <span className="text-faint">Vol </span>
          {formatQuantity(bar.volume, locale)}
        </span>
      </p>
      {row && indicators.length > 0 && (
        <p className="flex flex-wrap gap-x-3 rounded bg-surface/75 px-1 text-soft">
          {INDICATORS.filter(({ id }) => indicators.includes(id)).map(({ id, name, columns }) => (
            <span key={id}>
              <span className="text-faint">{name} </span>
              {columns.map((column) => formatPrice(row[column], locale)).join(" / ")}
            </span>
          ))}
        </p>
      )}
      {under.map((one) => (
        <p key={one.id} className="w-fit rounded bg-surface/85 px-1 text-text">
          {zoneName(one)} {formatPrice(one.bottom, locale)} to {formatPrice(one.top, locale)}
          <span className="text-soft">
            {" "}
            · known {formatTime(one.created + length, zone)} · {zoneState(one, new Timeline(bars, length))}
          </span>
        </p>
      ))}
    </div>
  );
});
