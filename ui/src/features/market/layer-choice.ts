import type { Bar } from "@/chart/bars";
import { type ChartSignal, signalShapes } from "@/chart/layers/signals";
import {
  breakShapes,
  equalLevelShapes,
  pivotShapes,
  premiumShapes,
  type StructureEvent,
} from "@/chart/layers/structure";
import { Timeline } from "@/chart/layers/timeline";
import { type Scale, type Zone, zoneShapes } from "@/chart/layers/zones";
import type { Shape } from "@/chart/shapes";

/** What can be shown or hidden, as it is named in the menu. */
export const LAYERS = {
  order_block: "Order blocks",
  breaker: "Breakers",
  fvg: "Fair value gaps",
  liquidity: "Liquidity and sweeps",
  breaks: "BOS and CHoCH",
  pivots: "Swing labels",
  equal: "Equal highs and lows",
  premium: "Premium and discount",
  signals: "Signals",
} as const;

export type Layer = keyof typeof LAYERS;

export const SCALES: Record<Scale, string> = {
  swing: "Swing (large)",
  internal: "Internal",
  micro: "Micro",
};

export interface Choice {
  layers: readonly Layer[];
  scales: readonly Scale[];
}

/** What a chart shows to somebody who has chosen nothing. */
export const FIRST_CHOICE: Choice = {
  layers: ["order_block", "breaker", "fvg", "breaks", "pivots", "signals"],
  scales: ["swing", "internal"],
};

/** With one entry more or less. */
export function toggled<T>(chosen: readonly T[], one: T): T[] {
  return chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one];
}

interface Rows {
  zones: Iterable<Zone>;
  structure: readonly StructureEvent[];
  signals: Iterable<ChartSignal>;
}

/** Everything that is chosen, as it was known at the close of the last of the bars. */
export function shapesOf(bars: readonly Bar[], length: number, rows: Rows, choice: Choice): Shape[] {
  const timeline = new Timeline(bars, length);
  const shows = (layer: Layer) => choice.layers.includes(layer);
  const events = rows.structure.filter((event) => choice.scales.includes(event.scale));
  const zones = [...rows.zones].filter(
    // Gaps have no scale, and pools come from the smallest pivots whatever is chosen of these.
    ({ kind, scale }) => shows(kind) && (scale === null || kind === "liquidity" || choice.scales.includes(scale)),
  );
  return [
    ...(shows("premium") ? premiumShapes(rows.structure, timeline) : []),
    ...zoneShapes(zones, timeline),
    ...(shows("equal")
      ? equalLevelShapes(
          rows.structure.filter(({ kind }) => kind === "eqh" || kind === "eql"),
          timeline,
        )
      : []),
    ...(shows("breaks") ? breakShapes(events, timeline) : []),
    ...(shows("pivots") ? pivotShapes(events, timeline) : []),
    ...(shows("signals") ? signalShapes(rows.signals, timeline) : []),
  ];
}
