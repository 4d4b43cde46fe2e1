import { describe, expect, it } from "vitest";
import { costWords, type Curve, curveWords, drawn, sampleWords } from "./curve";
import { FEW } from "./reading";

const point = (closed_at: string, result_r: number, cumulative_r: number, drawdown_r: number) => ({
  signal_id: closed_at + result_r,
  closed_at,
  result_r,
  cumulative_r,
  drawdown_r,
});

const curve: Curve = {
  simulated: false,
  sample_size: 3,
  total_r: 1.5,
  max_drawdown_r: 1,
  left_off: 0,
  items: [
    point("2024-01-01T00:15:00.000Z", -1, -1, 1),
    point("2024-01-01T00:30:00.000Z", 2, 1, 0),
    point("2024-01-01T00:30:00.000Z", 0.5, 1.5, 0),
  ],
  months: [],
  costs_included: false,
};

describe("points of the chart", () => {
  it("begin at nothing, and are one for what ended together", () => {
    const start = Date.UTC(2024, 0, 1, 0, 15) / 1000;
    expect(drawn(curve)).toEqual([
      { time: start - 1, cumulative: 0, drawdown: 0 },
      { time: start, cumulative: -1, drawdown: -1 },
      { time: start + 900, cumulative: 1.5, drawdown: 0 },
    ]);
  });

  it("do not begin at nothing where there was something before", () => {
    expect(drawn({ ...curve, left_off: 4 })[0]?.cumulative).toBe(-1);
    expect(drawn({ ...curve, items: [] })).toEqual([]);
  });
});

describe("a curve in words", () => {
  it("tells sum, deepest fall and where it is now", () => {
    const words = curveWords(curve, "en");
    expect(words).toContain("3 signals have ended, together +1.50\u00a0R before costs");
    expect(words).toContain("deepest fall from a high was 1.00\u00a0R");
    expect(words).toContain("at its highest now");
    expect(words).not.toContain("The chart shows");
  });

  it("says that it is below, and that some are left off", () => {
    const below = { ...curve, left_off: 7, items: [point("2024-01-01T00:00:00.000Z", -0.5, 3, 0.5)] };
    expect(curveWords(below, "en")).toContain("0.50\u00a0R below its highest now");
    expect(curveWords(below, "en")).toContain("The chart shows the last 1");
    expect(curveWords({ ...curve, items: [] }, "en")).toBe("");
  });

  it("tells how much of costs it can bear", () => {
    expect(costWords(curve, "en")).toContain("Costs of 0.50\u00a0R a signal would have taken all of it");
    expect(costWords({ sample_size: 4, total_r: -1 }, "en")).toContain("lost more");
    expect(costWords({ sample_size: 0, total_r: 0 }, "en")).toBe("");
  });

  it("does not make much of few", () => {
    expect(sampleWords(FEW - 1)).toContain("luck");
    expect(sampleWords(FEW)).toContain("promise nothing");
  });
});
