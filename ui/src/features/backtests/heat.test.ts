import { describe, expect, it } from "vitest";
import type { Sweep } from "./backtests";
import { axisOf, bestOf, heatColour, heatMap } from "./heat";

const SHARPE = { name: "sharpe", better: "high" } as const;
const FALL = { name: "max_drawdown", better: "low" } as const;
const set = (fast: number, slow: number, short: boolean, sharpe: number | null, trades = 40) => ({
  fast,
  slow,
  short,
  sharpe,
  trades,
  max_drawdown: sharpe === null ? null : 0.5 - sharpe / 10,
});
const SWEEP: Sweep = {
  parameters: ["fast", "slow", "short"],
  sets: [
    set(10, 100, false, 1),
    set(5, 100, false, -2),
    set(10, 50, false, null),
    set(5, 50, false, 0.5),
    set(10, 100, true, 2),
    set(5, 50, true, 9, 0),
  ],
  overfitting: 0.5,
};

describe("a heat map", () => {
  it("has the values of each parameter in their order", () => {
    expect(axisOf(SWEEP, "fast")).toEqual([5, 10]);
    expect(axisOf(SWEEP, "slow")).toEqual([50, 100]);
  });

  it("has one set in each cell, what else was varied held still", () => {
    const map = heatMap(SWEEP, SHARPE, "fast", "slow", { short: false });
    expect(map.cells.map((row) => row.map((cell) => cell?.value))).toEqual([
      [0.5, null],
      [-2, 1],
    ]);
    const other = heatMap(SWEEP, SHARPE, "fast", "slow", { short: true });
    expect(other.cells[0]?.[1]).toBeNull();
    expect(other.cells[1]?.[1]).toMatchObject({ value: 2, best: true });
  });

  it("of one parameter has one row", () => {
    const map = heatMap(SWEEP, SHARPE, "fast", null, { slow: 100, short: false });
    expect(map.y).toEqual([]);
    expect(map.cells.map((row) => row.map((cell) => cell?.value))).toEqual([[-2, 1]]);
  });

  it("calls nothing best that never traded, and takes the low where low is better", () => {
    expect(bestOf(SWEEP, SHARPE)).toMatchObject({ fast: 10, short: true });
    expect(bestOf(SWEEP, FALL)).toMatchObject({ fast: 10, short: true });
    expect(bestOf({ ...SWEEP, sets: [] }, SHARPE)).toBeNull();
  });

  it("colours a loss as one, and what is better stronger", () => {
    const [, row] = heatMap(SWEEP, SHARPE, "fast", "slow", { short: false }).cells;
    const [lost, gained] = row ?? [];
    expect(lost && heatColour(lost, true)).toContain("--down");
    expect(gained && heatColour(gained, true)).toContain("--up");
    const falls = heatMap(SWEEP, FALL, "fast", "slow", { short: false }).cells[1]?.map((cell) => cell?.strength ?? 0);
    expect(falls?.[1]).toBeGreaterThan(falls?.[0] ?? 1);
  });
});
