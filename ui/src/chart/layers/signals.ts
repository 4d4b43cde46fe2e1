import { CLOSE, type Line, type Shape } from "../shapes";
import type { Timeline } from "./timeline";

/** A published signal; it was known at the close of the bar `time`, and so was what became of it at those of its own. */
export interface ChartSignal {
  id: string;
  time: number;
  direction: 1 | -1;
  strategy: string;
  entry: number;
  stop: number;
  target1: number;
  target2: number | null;
  target1At: number | null;
  outcome: "target_1" | "target_2" | "stopped" | "expired" | null;
  outcomeAt: number | null;
  resultR: number | null;
}

function written(resultR: number | null): string {
  if (resultR === null) return "";
  const size = Math.abs(resultR).toFixed(1);
  return ` ${resultR < 0 ? "−" : "+"}${size} R`;
}

/** Signals with entry, stop and targets, as far as they are known; what they came to stands beside them. */
export function signalShapes(signals: Iterable<ChartSignal>, timeline: Timeline): Shape[] {
  const shapes: Shape[] = [];
  for (const signal of signals) {
    const over = timeline.knows(signal.outcomeAt) ? signal.outcomeAt : null;
    if (!timeline.shows(signal.time, over)) continue;
    const from = timeline.closeOf(signal.time);
    const to = over === null ? Infinity : Math.max(timeline.closeOf(over), from + 2 * CLOSE);
    const last = signal.target2 ?? signal.target1;
    const reward = { top: Math.max(signal.entry, last), bottom: Math.min(signal.entry, last) };
    const risk = { top: Math.max(signal.entry, signal.stop), bottom: Math.min(signal.entry, signal.stop) };
    const fill = over === null ? 0.12 : 0.04;
    shapes.push({ kind: "box", from, to, ...reward, tone: "up", border: "none", fill });
    shapes.push({ kind: "box", from, to, ...risk, tone: "down", border: "none", fill });
    const level = (price: number, tone: Line["tone"], label: string): Line => ({
      kind: "line",
      from,
      to,
      price,
      tone,
      dash: "solid",
      width: 1,
      ...(over === null ? { label, labelAt: "end" } : { faint: true }),
    });
    shapes.push(level(signal.entry, "accent", "Entry"), level(signal.stop, "down", "Stop"));
    shapes.push(level(signal.target1, "up", timeline.knows(signal.target1At) ? "T1 ✓" : "T1"));
    if (signal.target2 !== null) shapes.push(level(signal.target2, "up", "T2"));
    const long = signal.direction > 0;
    shapes.push({
      kind: "mark",
      at: timeline.at(signal.time),
      price: signal.entry,
      tone: "accent",
      text: `${long ? "Long" : "Short"}${over === null ? "" : written(signal.resultR)}`,
      sign: "arrow",
      side: long ? "below" : "above",
      fromSpacing: 0,
    });
  }
  return shapes;
}
