import type { Schema } from "@/api/client";
import { formatPrice } from "@/format/numbers";

type Zone = Schema<"Zone">;
type StructureEvent = Schema<"StructureEvent">;
type Outcome = Schema<"Outcome">;

const ZONES: Record<Zone["kind"], string> = {
  order_block: "Order block",
  breaker: "Breaker",
  fvg: "Fair value gap",
  liquidity: "Liquidity pool",
};

const EVENTS: Record<StructureEvent["kind"], string> = {
  swing_high: "swing high",
  swing_low: "swing low",
  bos: "break of structure",
  choch: "change of character",
  eqh: "equal highs",
  eql: "equal lows",
};

const OUTCOMES: Record<Outcome["outcome"], string> = {
  target_1: "First target reached",
  target_2: "Second target reached",
  stopped: "Stopped",
  expired: "Expired",
};

/** The zone behind a signal: Order block, demand, 41,990.50 to 42,010.50. */
export function zoneWords(zone: Pick<Zone, "kind" | "side" | "top" | "bottom">, locale: string): string {
  const side = zone.side > 0 ? "demand" : "supply";
  return `${ZONES[zone.kind]}, ${side}, ${formatPrice(zone.bottom, locale)} to ${formatPrice(zone.top, locale)}`;
}

/** An event of the structure: Internal break of structure, up, at 42,000.00. */
export function eventWords(
  event: Pick<StructureEvent, "kind" | "scale" | "direction" | "level" | "label">,
  locale: string,
): string {
  const scale = event.scale.charAt(0).toUpperCase() + event.scale.slice(1);
  const broken = event.kind === "bos" || event.kind === "choch";
  const what = event.label ?? (broken ? (event.direction > 0 ? "up" : "down") : null);
  return [`${scale} ${EVENTS[event.kind]}`, what, `at ${formatPrice(event.level, locale)}`].filter(Boolean).join(", ");
}

export function happened(outcome: Outcome["outcome"]): string {
  return OUTCOMES[outcome];
}

/** How many bars: 1 bar, 6 bars. */
export function bars(count: number): string {
  return count === 1 ? "1 bar" : `${count.toLocaleString("en")} bars`;
}
