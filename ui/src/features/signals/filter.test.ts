import { describe, expect, it } from "vitest";
import type { NewSignal } from "@/live/protocol";
import { filterOf, fits, neighbour } from "./filter";

const signal: NewSignal = {
  signal_id: "a",
  market: "binance:BTCUSDT",
  timeframe: "15m",
  strategy: "smc_pullback",
  direction: -1,
  entry: 100,
  stop: 101,
  target_1: 98,
  simulated: false,
};

describe("a filter", () => {
  it("is what the address says, but for what it says wrongly", () => {
    expect(
      filterOf(new URLSearchParams("timeframe=15m&direction=short&market=a:B&strategy=s&status=open&id=1")),
    ).toEqual({ timeframe: "15m", direction: -1, market: "a:B", strategy: "s", status: "open" });
    expect(filterOf(new URLSearchParams("timeframe=7m&direction=up&status=lost&market="))).toEqual({});
  });

  it("lets through what fits all of it", () => {
    expect(fits({}, signal)).toBe(true);
    expect(fits({ market: signal.market, timeframe: "15m", strategy: signal.strategy, direction: -1 }, signal)).toBe(
      true,
    );
    expect(fits({ market: "binance:ETHUSDT" }, signal)).toBe(false);
    expect(fits({ timeframe: "1h" }, signal)).toBe(false);
    expect(fits({ strategy: "other" }, signal)).toBe(false);
    expect(fits({ direction: 1 }, signal)).toBe(false);
  });

  it("for those that have ended lets no new one through", () => {
    expect(fits({ status: "closed" }, signal)).toBe(false);
    expect(fits({ status: "open" }, signal)).toBe(true);
  });
});

describe("the selection", () => {
  it.each([
    [null, 1, "a"],
    [null, -1, "a"],
    ["a", 1, "b"],
    ["b", -1, "a"],
    ["c", 1, "c"],
    ["a", -1, "a"],
    ["gone", 1, "a"],
  ] as const)("from %s by %d goes to %s", (from, step, to) => {
    expect(neighbour(["a", "b", "c"], from, step)).toBe(to);
  });

  it("of no rows is none", () => {
    expect(neighbour([], null, 1)).toBeNull();
  });
});
