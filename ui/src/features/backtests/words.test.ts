import { describe, expect, it } from "vitest";
import type { Row } from "./backtests";
import { formatMetric } from "./metrics";
import { chosenOf, windowWords } from "./windows";
import { costWords, labelOf, overfittingWords, progressOf, sampleWords } from "./words";

describe("progress", () => {
  it("is a part only where it is known of how much", () => {
    expect(progressOf({ status: "queued", stage: null, done: 0, total: null }).share).toBeNull();
    expect(progressOf({ status: "running", stage: "Bars", done: 0, total: null })).toEqual({
      words: "Bars",
      share: null,
    });
    const half = progressOf({ status: "running", stage: "Parameter sets", done: 1000, total: 2000 });
    expect(half).toEqual({ words: "Parameter sets: 1,000 of 2,000", share: 0.5 });
  });
});

describe("what a result says", () => {
  it("says which bars it is about", () => {
    expect(sampleWords(true)).toContain("no parameter was chosen on");
    expect(sampleWords(false)).toContain("Walk-forward");
  });

  it("names the costs that are in it", () => {
    const words = costWords({ fees: 120.5, slippage_cost: 30, funding: 0, fees_share: 0.25 });
    expect(words).toBe("Included: fees 120.50, slippage 30.00. Fees ate 25% of what the winners made.");
    expect(costWords({})).toBe("");
  });

  it("doubts the best of many, by the sweep's own numbers", () => {
    const sweep = { parameters: ["a"], sets: [{}, {}], overfitting: 0.58 };
    const chance = overfittingWords(sweep, 0.4);
    expect(chance.warn).toBe(true);
    expect(chance.words).toContain("58% of the times: choosing was little better than drawing lots");
    expect(chance.words).toContain("is 40%, not the 95%");
    expect(chance.title).toContain("No set");
    expect(overfittingWords(sweep, 0.99).title).toContain("luckiest");
    expect(overfittingWords({ ...sweep, overfitting: 0.02 }, 0.99).warn).toBe(false);
    expect(overfittingWords({ ...sweep, overfitting: null }, null)).toMatchObject({ warn: true });
  });
});

describe("windows of walk-forward", () => {
  const row = (before: number, after: number): Row => ({
    fast: 10,
    train_begin: "2024-01-01",
    test_begin: "2024-02-01",
    train_total_return: before,
    test_total_return: after,
    train_sharpe: 1,
    test_sharpe: 1,
  });

  it("tell what was chosen", () => {
    expect(chosenOf(row(1, 1))).toEqual([["fast", 10]]);
  });

  it("say what was left of it afterwards", () => {
    const words = windowWords([row(0.1, -0.1), row(0.2, 0.1), row(-0.1, 0.1)]);
    expect(words).toContain("gained in 2 of 3 stretches it was chosen on, and in 2 of 3 that came after");
    expect(words).toContain("1 of 2 gained afterwards too");
    expect(windowWords([row(-1, 1)])).not.toContain("afterwards too");
  });
});

describe("numbers of a backtest", () => {
  it("are written in their units", () => {
    expect(formatMetric(-0.1234, { name: "total_return", unit: "fraction" })).toBe("\u221212.34%");
    expect(formatMetric(0.1234, { name: "max_drawdown", unit: "fraction" })).toBe("12.34%");
    expect(formatMetric(1.5, { name: "sharpe", unit: "ratio" })).toBe("+1.50");
    expect(formatMetric(12.5, { name: "average_bars_held", unit: "bars" })).toBe("12.5");
    expect(formatMetric(-1.5, { name: "average_mae_percent", unit: "percent" })).toBe("\u22121.50%");
    expect(formatMetric(0.99999, { name: "probabilistic_sharpe", unit: "probability" })).toBe("> 99.9%");
    expect(formatMetric(0.0001, { name: "probabilistic_sharpe", unit: "probability" })).toBe("< 0.1%");
    expect(formatMetric(null, { name: "sharpe", unit: "ratio" })).toBe("–");
  });

  it("have names for people", () => {
    expect(labelOf("fees.taker_bp")).toBe("Taker fee, bp");
    expect(labelOf("least_risk_atr")).toBe("Least risk ATR");
  });
});
