import { describe, expect, it } from "vitest";
import { conditionWords } from "./condition-words";

describe("what an alert waits for", () => {
  it.each([
    [{ kind: "signal" }, "A signal in any market"],
    [
      {
        kind: "signal",
        direction: -1,
        strategy: "smc_pullback",
        markets: ["binance:BTCUSDT", "binance:ETHUSDT"],
        timeframes: ["15m"],
        minimum_score: 0.6,
      },
      "A short signal of smc_pullback in BTCUSDT, ETHUSDT on 15m, score 0.6 or more",
    ],
    [{ kind: "outcome", direction: 1 }, "A long signal ends in any market"],
    [
      { kind: "price", market: "binance:BTCUSDT", timeframe: "1h", level: 50_000, crosses: "above" },
      "BTCUSDT rises above 50,000.00 at the close of a 1h bar",
    ],
    [
      { kind: "zone", markets: ["binance:BTCUSDT"], timeframes: ["4h"], zone: "order_block" },
      "Price touches an untouched order block of BTCUSDT on 4h",
    ],
    [
      { kind: "structure", markets: ["binance:BTCUSDT"], timeframes: ["4h"], event: "choch", direction: -1 },
      "CHOCH downwards in BTCUSDT on 4h",
    ],
  ] as const)("%j is told as %s", (condition, words) => {
    expect(conditionWords(condition as never)).toBe(words);
  });
});
