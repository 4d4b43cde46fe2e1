import type { Schema } from "@/api/client";
import { formatCount, formatR } from "@/format/numbers";
import { FEW } from "./reading";

export type Curve = Schema<"PerformanceCurve">;

export interface Drawn {
  /** Second of the end, as charts count time. */
  time: number;
  cumulative: number;
  /** Below zero: how far under the highest sum so far. */
  drawdown: number;
}

/**
 * Points of a chart: one a second, the last one of those that ended together, and zero before the first of all.
 */
export function drawn(curve: Pick<Curve, "items" | "left_off">): Drawn[] {
  const points: Drawn[] = [];
  for (const item of curve.items) {
    const time = Math.floor(Date.parse(item.closed_at) / 1000);
    if (points.at(-1)?.time === time) points.pop();
    points.push({ time, cumulative: item.cumulative_r, drawdown: 0 - item.drawdown_r });
  }
  const first = points[0];
  if (first === undefined || curve.left_off > 0) return points;
  return [{ time: first.time - 1, cumulative: 0, drawdown: 0 }, ...points];
}

/** What the chart shows, in words. */
export function curveWords(curve: Curve, locale: string): string {
  const last = curve.items.at(-1);
  if (last === undefined) return "";
  const now =
    last.drawdown_r === 0
      ? "It is at its highest now."
      : `It is ${size(last.drawdown_r, locale)} below its highest now.`;
  const fall =
    curve.max_drawdown_r === 0
      ? "It has never been below an earlier high."
      : `Its deepest fall from a high was ${size(curve.max_drawdown_r, locale)}.`;
  const shown =
    curve.left_off > 0
      ? ` The chart shows the last ${formatCount(curve.items.length, locale)}; the numbers are of all of them.`
      : "";
  return `${ended(curve.sample_size, locale)}, together ${formatR(curve.total_r, locale)} before costs. ${fall} ${now}${shown}`;
}

/** What costs mean for a record: how much of them it can bear. */
export function costWords(curve: Pick<Curve, "sample_size" | "total_r">, locale: string): string {
  const { sample_size, total_r } = curve;
  if (sample_size === 0) return "";
  const average = total_r / sample_size;
  if (average <= 0) return "It lost before costs; with them it lost more.";
  return `Costs of ${size(average, locale)} a signal would have taken all of it. What a signal costs depends on its stop: the nearer the stop, the more of the risk a fee is.`;
}

/** How much the number of signals says. */
export function sampleWords(sample: number): string {
  if (sample < FEW) return `Fewer than ${FEW} signals: a curve like this one comes about by luck alone.`;
  return "Past results, each counted once whatever its size. They promise nothing.";
}

function ended(count: number, locale: string): string {
  return count === 1 ? "1 signal has ended" : `${formatCount(count, locale)} signals have ended`;
}

function size(r: number, locale: string): string {
  return formatR(r, locale).replace("+", "");
}
