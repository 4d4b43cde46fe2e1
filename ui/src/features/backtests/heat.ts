import type { Metric, Row, Sweep, Value } from "./backtests";
import { isSigned } from "./metrics";

export interface Cell {
  row: Row;
  value: number | null;
  trades: number | null;
  best: boolean;
  /** How good or bad it is among all: -1 to 1 where 0 is neither, else 0 to 1. */
  strength: number;
}

export interface HeatMap {
  x: Value[];
  y: Value[];
  /** A row for each value of y; null where no such set was tried. */
  cells: (Cell | null)[][];
}

/** The values of a parameter that were tried, in order. */
export function axisOf(sweep: Sweep, name: string): Value[] {
  const values = [...new Set(sweep.sets.map((row) => row[name]))].filter((value) => value != null);
  return values.sort((a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)),
  );
}

function numberOf(row: Row, name: string): number | null {
  const value = row[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** The best set by a metric among those that traded; the first of equal ones. */
export function bestOf(sweep: Sweep, metric: Pick<Metric, "name" | "better">): Row | null {
  const sign = metric.better === "low" ? -1 : 1;
  let best: Row | null = null;
  for (const row of sweep.sets) {
    const value = numberOf(row, metric.name);
    if (value === null || !(numberOf(row, "trades") ?? 1)) continue;
    if (best === null || value * sign > (numberOf(best, metric.name) ?? 0) * sign) best = row;
  }
  return best;
}

/**
 * Sets by two parameters. What else was varied is held at `held`, so that each cell is one set that was run.
 * `y` may be missing: then there is one row.
 */
export function heatMap(
  sweep: Sweep,
  metric: Pick<Metric, "name" | "better">,
  x: string,
  y: string | null,
  held: Readonly<Record<string, Value | null | undefined>>,
): HeatMap {
  const others = sweep.parameters.filter((name) => name !== x && name !== y);
  const shown = sweep.sets.filter((row) => others.every((name) => row[name] === held[name]));
  const values = sweep.sets.map((row) => numberOf(row, metric.name)).filter((value) => value !== null);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const furthest = Math.max(Math.abs(low), Math.abs(high));
  const best = bestOf(sweep, metric);
  function strength(value: number | null): number {
    if (value === null) return 0;
    if (isSigned(metric.name)) return furthest ? value / furthest : 0;
    if (high === low) return 0;
    const part = (value - low) / (high - low);
    return metric.better === "low" ? 1 - part : part;
  }
  const at = new Map(shown.map((row) => [JSON.stringify([row[x], y === null ? null : row[y]]), row]));
  const xs = axisOf(sweep, x);
  const ys: (Value | null)[] = y === null ? [null] : axisOf(sweep, y);
  const cells = ys.map((down) =>
    xs.map((across) => {
      const row = at.get(JSON.stringify([across, down]));
      if (!row) return null;
      const value = numberOf(row, metric.name);
      return { row, value, trades: numberOf(row, "trades"), best: row === best, strength: strength(value) };
    }),
  );
  return { x: xs, y: ys.filter((value) => value !== null), cells };
}

/** The colour behind a cell: towards good or bad; never so strong that its number is hard to read. */
export function heatColour(cell: Cell, signed: boolean): string {
  const share = Math.round(Math.min(1, Math.abs(cell.strength)) * 42);
  const towards = signed ? (cell.strength < 0 ? "--down" : "--up") : "--accent";
  return `color-mix(in srgb, var(${towards}) ${share}%, var(--surface))`;
}
