import type { Line, Mark, Shape, Tone } from "../shapes";
import type { Timeline } from "./timeline";
import type { Scale } from "./zones";

/** A pivot, an equal level or a break; it became known at the close of the bar `time`. */
export interface StructureEvent {
  time: number;
  scale: Scale;
  kind: "swing_high" | "swing_low" | "bos" | "choch" | "eqh" | "eql";
  direction: 1 | -1;
  level: number;
  origin: number;
  label: "HH" | "LH" | "HL" | "LL" | null;
}

const WIDTH: Record<Scale, number> = { swing: 1.5, internal: 1, micro: 1 };
const DASH: Record<Scale, Line["dash"]> = { swing: "solid", internal: "dashed", micro: "dotted" };
/** Pixels a bar from which pivots are told: small ones only where there is room. */
const ROOM: Record<Scale, number> = { swing: 1, internal: 5, micro: 9 };

function toneOf(event: StructureEvent): Tone {
  return event.direction > 0 ? "up" : "down";
}

/** Breaks as lines from the pivot to the bar that closed beyond it. */
export function breakShapes(events: Iterable<StructureEvent>, timeline: Timeline): Shape[] {
  const shapes: Shape[] = [];
  for (const event of events) {
    if ((event.kind !== "bos" && event.kind !== "choch") || !timeline.shows(event.time, event.time)) continue;
    shapes.push({
      kind: "line",
      from: timeline.at(event.origin),
      to: timeline.at(event.time),
      price: event.level,
      tone: toneOf(event),
      dash: DASH[event.scale],
      width: WIDTH[event.scale],
      label: event.kind === "bos" ? "BOS" : "CHoCH",
      labelAt: "middle",
      side: event.direction > 0 ? "above" : "below",
    });
  }
  return shapes;
}

/** Pivots by what they are to the one before. */
export function pivotShapes(events: Iterable<StructureEvent>, timeline: Timeline): Shape[] {
  const shapes: Shape[] = [];
  for (const event of events) {
    if (event.label === null || !timeline.shows(event.time, event.time)) continue;
    const high = event.kind === "swing_high";
    const mark: Mark = {
      kind: "mark",
      at: timeline.at(event.origin),
      price: event.level,
      tone: event.label === "HH" || event.label === "HL" ? "up" : "down",
      text: event.label,
      side: high ? "above" : "below",
      fromSpacing: ROOM[event.scale],
    };
    shapes.push(mark);
  }
  return shapes;
}

/** Equal highs and lows as dotted levels between their bars. */
export function equalLevelShapes(events: Iterable<StructureEvent>, timeline: Timeline): Shape[] {
  const shapes: Shape[] = [];
  for (const event of events) {
    if ((event.kind !== "eqh" && event.kind !== "eql") || !timeline.shows(event.time, event.time)) continue;
    shapes.push({
      kind: "line",
      from: timeline.at(event.origin),
      to: timeline.at(event.time),
      price: event.level,
      tone: "warn",
      dash: "dotted",
      width: 1.5,
      label: event.kind.toUpperCase(),
      labelAt: "middle",
      side: event.kind === "eqh" ? "above" : "below",
    });
  }
  return shapes;
}

/** The range between the last two large pivots: dear above its middle, cheap below. */
export function premiumShapes(events: Iterable<StructureEvent>, timeline: Timeline): Shape[] {
  let high: StructureEvent | undefined;
  let low: StructureEvent | undefined;
  for (const event of events) {
    if (event.scale !== "swing" || !timeline.knows(event.time)) continue;
    if (event.kind === "swing_high" && event.origin >= (high?.origin ?? -Infinity)) high = event;
    if (event.kind === "swing_low" && event.origin >= (low?.origin ?? -Infinity)) low = event;
  }
  if (!high || !low || high.level <= low.level) return [];
  const from = Math.max(-1, timeline.at(Math.min(high.origin, low.origin)));
  const middle = (high.level + low.level) / 2;
  const half = { kind: "box", from, to: Infinity, border: "none", fill: 0.05 } as const;
  return [
    { ...half, top: high.level, bottom: middle, tone: "down", label: "Premium" },
    { ...half, top: middle, bottom: low.level, tone: "up", label: "Discount" },
    {
      kind: "line",
      from,
      to: Infinity,
      price: middle,
      tone: "plain",
      dash: "dashed",
      width: 1,
      label: "Equilibrium",
      labelAt: "end",
    },
  ];
}
