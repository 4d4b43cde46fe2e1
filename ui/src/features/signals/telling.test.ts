import { describe, expect, it } from "vitest";
import { notice } from "./telling";

describe("a notification", () => {
  it("says what would be done, and whether the market is real", () => {
    const signal = {
      signal_id: "a",
      market: "sim:BTCUSDT",
      timeframe: "15m",
      strategy: "smc_pullback",
      direction: -1,
      entry: 42_000,
      stop: 43_000,
      target_1: 41_000,
      simulated: true,
    } as const;
    expect(notice(signal, "en")).toEqual({
      title: "BTCUSDT 15m short, simulated",
      body: "smc_pullback: entry 42,000.00, stop 43,000.00, target 41,000.00",
    });
    expect(notice({ ...signal, direction: 1, simulated: false }, "en").title).toBe("BTCUSDT 15m long");
  });
});
