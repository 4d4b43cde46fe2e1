import { describe, expect, it } from "vitest";
import { breakEven, costInR, currenciesOf, gainAt, multipleAt, positionFor } from "./risk";

const long = { direction: 1, entry: 100, stop: 98 } as const;
const short = { direction: -1, entry: 100, stop: 102 } as const;

describe("prices of a signal", () => {
  it("gain on the side of the signal", () => {
    expect(gainAt(long, 98)).toBeCloseTo(-0.02);
    expect(gainAt(short, 102)).toBeCloseTo(-0.02);
    expect(gainAt(short, 95)).toBeCloseTo(0.05);
  });

  it("are told in units of the risk, on either side", () => {
    expect(multipleAt(long, 98)).toBe(-1);
    expect(multipleAt(long, 105)).toBe(2.5);
    expect(multipleAt(short, 102)).toBe(-1);
    expect(multipleAt(short, 95)).toBe(2.5);
  });

  it("make costs heavy where the stop is near", () => {
    expect(costInR(long, 0.001)).toBeCloseTo(0.05);
    expect(costInR({ ...long, stop: 99.9 }, 0.001)).toBeCloseTo(1);
  });

  it("say how many have to win", () => {
    expect(breakEven(1)).toBe(0.5);
    expect(breakEven(3)).toBe(0.25);
    expect(breakEven(-1)).toBeNull();
  });
});

describe("a position", () => {
  it("loses at the stop what was asked for", () => {
    const found = positionFor(long, 10_000, 1);
    expect(found).toEqual({ loss: 100, size: 50, notional: 5_000, leverage: 0.5 });
    expect(found!.size * (long.entry - long.stop)).toBe(100);
  });

  it("tells of more than the account holds", () => {
    expect(positionFor(short, 10_000, 5)?.leverage).toBe(2.5);
  });

  it.each([
    [0, 1],
    [-5, 1],
    [Number.NaN, 1],
    [1_000, 0],
    [1_000, 101],
  ])("of an account of %d at %d percent is none", (account, percent) => {
    expect(positionFor(long, account, percent)).toBeNull();
  });

  it("has no size where the stop is the entry", () => {
    expect(positionFor({ ...long, stop: 100 }, 1_000, 1)).toBeNull();
  });
});

describe("a symbol", () => {
  it.each([
    ["binance:BTCUSDT", "BTC", "USDT"],
    ["binance:ETHBTC", "ETH", "BTC"],
    ["x:BTC-USD", "BTC", "USD"],
    ["x:USDT", "USDT", ""],
    ["x:ABC", "ABC", ""],
  ])("%s trades %s for %s", (market, base, quote) => {
    expect(currenciesOf(market)).toEqual({ base, quote });
  });
});
