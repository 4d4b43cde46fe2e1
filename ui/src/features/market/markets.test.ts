import { describe, expect, it } from "vitest";
import { chooseSeries, type Market, timeframesOf } from "./markets";
import { typedTimeframe } from "./timeframes";

function market(name: string, ...timeframes: string[]): Market {
  const [exchange = "", symbol = ""] = name.split(":");
  const bars = { first_bar: "2024-01-01T00:00:00.000Z", last_bar: "2024-01-02T00:00:00.000Z", bars: 10 };
  return {
    market: name,
    exchange,
    symbol,
    simulated: false,
    timeframes: timeframes.map((one) => ({ timeframe: one, ...bars })),
  };
}

const MARKETS = [market("binance:BTCUSDT", "4h", "1h", "15m"), market("binance:ETHUSDT", "1h", "1d")];

describe("what is shown", () => {
  it("is what was asked for", () => {
    expect(chooseSeries(MARKETS, "binance:ETHUSDT", "1d")).toMatchObject({ market: MARKETS[1], timeframe: "1d" });
  });

  it("is the nearest timeframe that the market has", () => {
    expect(chooseSeries(MARKETS, "binance:ETHUSDT", "15m")?.timeframe).toBe("1h");
    expect(chooseSeries(MARKETS, "binance:ETHUSDT", "12h")?.timeframe).toBe("1d");
  });

  it("is the first market on a common timeframe to somebody who asks for nothing", () => {
    expect(chooseSeries(MARKETS, null, null)).toMatchObject({ market: MARKETS[0], timeframe: "15m" });
    expect(chooseSeries([], null, null)).toBeNull();
  });

  it("offers timeframes from short to long", () => {
    expect(timeframesOf(MARKETS[0])).toEqual(["15m", "1h", "4h"]);
  });
});

describe("a typed timeframe", () => {
  it.each([
    ["15", "15m"],
    ["60", "1h"],
    ["1h", "1h"],
    ["240", "4h"],
    ["d", "1d"],
    ["1D", "1d"],
    ["1w", "1w"],
    ["7", null],
    ["", null],
    ["x", null],
  ])("%s means %s", (typed, meant) => {
    expect(typedTimeframe(typed)).toBe(meant);
  });
});
