import { describe, expect, it } from "vitest";
import { FEW, reading, total, type TrackRecord } from "./reading";

const record = (changes: Partial<TrackRecord>): TrackRecord => ({
  strategy: "s",
  market: "binance:BTCUSDT",
  timeframe: "15m",
  simulated: false,
  signals: 0,
  open_signals: 0,
  sample_size: 0,
  wins: 0,
  losses: 0,
  win_rate: null,
  win_rate_low: null,
  win_rate_high: null,
  expectancy_r: null,
  total_r: 0,
  profit_factor: null,
  average_bars_held: null,
  first_known_at: "2024-01-01T00:00:00.000Z",
  last_known_at: "2024-01-01T00:00:00.000Z",
  costs_included: false,
  ...changes,
});

describe("a track record in words", () => {
  it("begins with how much there is", () => {
    expect(reading(record({}))).toContain("nothing can be said");
    expect(reading(record({ sample_size: FEW - 1, expectancy_r: 5 }))).toContain("too few");
  });

  it("says that it lost, and never that it gained without the costs", () => {
    const bounds = { win_rate_low: 0.31, win_rate_high: 0.44 };
    expect(reading(record({ sample_size: FEW, expectancy_r: -0.1, ...bounds }))).toContain("lost on average");
    const good = reading(record({ sample_size: FEW, expectancy_r: 0.25, ...bounds }));
    expect(good).toContain("+0.25\u00a0R");
    expect(good).toContain("before costs");
    expect(good).toContain("between 31% and 44%");
  });
});

describe("several records together", () => {
  it("count by their signals, not by their number", () => {
    const found = total([
      record({ signals: 12, open_signals: 2, sample_size: 10, wins: 6, total_r: 5 }),
      record({ signals: 30, sample_size: 30, wins: 9, total_r: -9 }),
    ]);
    expect(found).toEqual({ signals: 42, open: 2, ended: 40, wins: 15, total_r: -4, expectancy_r: -0.1 });
  });

  it("that are none have no average", () => {
    expect(total([]).expectancy_r).toBeNull();
  });
});
