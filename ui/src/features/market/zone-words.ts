import { endOf, type Zone } from "@/chart/layers/zones";
import type { Timeline } from "@/chart/layers/timeline";

const KINDS: Record<Zone["kind"], string> = {
  order_block: "order block",
  breaker: "breaker",
  fvg: "fair value gap",
  liquidity: "liquidity",
};
const ENDS: Record<Zone["status"], string> = {
  live: "",
  invalidated: "broken",
  filled: "filled",
  swept: "swept",
  broken: "broken",
  expired: "expired",
};

/** What a zone is: Demand, internal order block. */
export function zoneName(zone: Zone): string {
  const side =
    zone.kind === "liquidity" ? (zone.side > 0 ? "Below lows" : "Above highs") : zone.side > 0 ? "Demand" : "Supply";
  return `${side}, ${zone.scale && zone.kind !== "liquidity" ? `${zone.scale} ` : ""}${KINDS[zone.kind]}`;
}

/** How it stands as far as that is known: untouched, touched, mitigated, filled. */
export function zoneState(zone: Zone, timeline: Timeline): string {
  if (timeline.knows(zone.ended)) return ENDS[zone.status];
  if (timeline.knows(zone.mitigated)) return "mitigated";
  return timeline.knows(zone.touched) ? "touched" : "untouched";
}

/** Zones under a place and a price, the smallest first. */
export function zonesAt(zones: Iterable<Zone>, timeline: Timeline, index: number, price: number): Zone[] {
  const found: Zone[] = [];
  for (const zone of zones) {
    const end = endOf(zone, timeline);
    if (!timeline.shows(zone.created, end)) continue;
    if (price > zone.top || price < zone.bottom) continue;
    if (index > timeline.at(zone.created) && index <= timeline.endOf(end)) found.push(zone);
  }
  return found.sort((one, other) => one.top - one.bottom - (other.top - other.bottom));
}

/** Zones that are still there, the nearest to the price first. */
export function zonesNear(zones: Iterable<Zone>, timeline: Timeline, price: number): Zone[] {
  const away = (zone: Zone) => Math.max(0, zone.bottom - price, price - zone.top);
  return [...zones]
    .filter((zone) => timeline.knows(zone.created) && endOf(zone, timeline) === null)
    .sort((one, other) => away(one) - away(other));
}
