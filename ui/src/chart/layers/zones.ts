import type { Box, Mark, Shape, Tone } from "../shapes";
import type { Timeline } from "./timeline";

export type ZoneKind = "order_block" | "breaker" | "fvg" | "liquidity";
export type Scale = "micro" | "internal" | "swing";

/** A zone with its life; times are those of bars, in milliseconds since 1970, and known at the close of the bar. */
export interface Zone {
  id: string;
  kind: ZoneKind;
  side: 1 | -1;
  scale: Scale | null;
  top: number;
  bottom: number;
  origin: number;
  created: number;
  touched: number | null;
  mitigated: number | null;
  ended: number | null;
  status: "live" | "invalidated" | "filled" | "swept" | "broken" | "expired";
}

const NAMES: Record<ZoneKind, string> = { order_block: "OB", breaker: "BRK", fvg: "FVG", liquidity: "LIQ" };
const BORDERS: Record<ZoneKind, Box["border"]> = {
  order_block: "solid",
  breaker: "dashed",
  fvg: "none",
  liquidity: "dashed",
};
const FILLS: Record<ZoneKind, number> = { order_block: 0.2, breaker: 0.1, fvg: 0.13, liquidity: 0.08 };

function toneOf(zone: Zone): Tone {
  if (zone.kind === "liquidity") return "warn";
  return zone.side > 0 ? "up" : "down";
}

/** Bar whose close ended what can be traded of a zone, as far as it is known. */
export function endOf(zone: Zone, timeline: Timeline): number | null {
  const known = [zone.mitigated, zone.ended].filter((time) => timeline.knows(time));
  return known.length ? Math.min(...(known as number[])) : null;
}

/** Zones as boxes: they begin where they became known, and end where they were mitigated, filled or broken. */
export function zoneShapes(zones: Iterable<Zone>, timeline: Timeline): Shape[] {
  const shapes: Shape[] = [];
  for (const zone of zones) {
    const end = endOf(zone, timeline);
    if (!timeline.shows(zone.created, end)) continue;
    const alive = end === null;
    const box: Box = {
      kind: "box",
      from: timeline.closeOf(zone.created),
      to: timeline.endOf(end),
      top: zone.top,
      bottom: zone.bottom,
      tone: toneOf(zone),
      border: BORDERS[zone.kind],
      fill: alive ? FILLS[zone.kind] : FILLS[zone.kind] * 0.55,
      label: `${NAMES[zone.kind]} ${zone.side > 0 ? "▲" : "▼"}`,
    };
    shapes.push(box);
    if (zone.kind === "liquidity" && zone.status === "swept" && end !== null && timeline.knows(zone.ended)) {
      shapes.push(sweep(zone, timeline.at(zone.ended)));
    }
  }
  return shapes;
}

function sweep(zone: Zone, at: number): Mark {
  const above = zone.side < 0;
  return {
    kind: "mark",
    at,
    price: above ? zone.top : zone.bottom,
    tone: "warn",
    text: "Sweep",
    sign: "cross",
    side: above ? "above" : "below",
    fromSpacing: 2,
  };
}
