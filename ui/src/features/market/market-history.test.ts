import { describe, expect, it } from "vitest";
import type { Bar } from "@/chart/bars";
import { FIRST_BARS, MarketHistory, MORE_BARS, valuesOf } from "./market-history";
import type { Source } from "./source";

const MINUTE = 60_000;
const bar = (number: number): Bar => ({ time: number * MINUTE, open: 1, high: 2, low: 0, close: number, volume: 1 });

/** A market with bars from 0 up to a number that grows, and one zone that ends when it is told to. */
class Market implements Source {
  asked: string[] = [];
  failing = false;
  ended: number | null = null;

  constructor(public count: number) {}

  async bars(
    _: unknown,
    { start = 0, end = Infinity }: { start?: number; end?: number },
    order: string,
    limit: number,
  ) {
    this.asked.push(`bars ${start / MINUTE} ${end / MINUTE} ${order}`);
    if (this.failing) throw new Error("lost");
    const all = Array.from({ length: this.count }, (_one, number) => bar(number));
    const inside = all.filter(({ time }) => time >= start && time < end);
    return order === "asc" ? inside.slice(0, limit) : inside.slice(-limit);
  }
  async zones() {
    return [];
  }
  async zonesBefore() {
    return [
      {
        id: "z",
        kind: "fvg" as const,
        side: 1 as const,
        scale: null,
        top: 2,
        bottom: 1,
        origin: 0,
        created: 0,
        touched: null,
        mitigated: null,
        ended: this.ended,
        status: "live" as const,
      },
    ];
  }
  async structure() {
    const event = { scale: "swing" as const, kind: "bos" as const, direction: 1 as const, level: 1, label: null };
    return [{ ...event, time: (this.count - 1) * MINUTE, origin: 0 }];
  }
  async signals() {
    return [];
  }
  async indicators(
    _: unknown,
    { start = 0, end = Infinity }: { start?: number; end?: number },
    columns: readonly string[],
  ) {
    if (columns.length === 0) return [];
    const all = Array.from({ length: this.count }, (_one, number) => ({ time: number * MINUTE, ema_9: number }));
    return all.filter(({ time }) => time >= start && time < end);
  }
}

function times(history: MarketHistory): number[] {
  return history.read().bars.map(({ time }) => time / MINUTE);
}

const CHOSEN = { market: "binance:BTCUSDT", timeframe: "1m" } as const;

describe("the history of a market", () => {
  it("begins with the newest bars and goes back until there is nothing", async () => {
    const history = new MarketHistory(new Market(FIRST_BARS + MORE_BARS + 10), CHOSEN);
    await history.open();
    expect(times(history)).toHaveLength(FIRST_BARS);
    expect(history.read().hasOlder).toBe(true);
    await history.older();
    await history.older();
    expect(times(history)).toEqual(Array.from({ length: FIRST_BARS + MORE_BARS + 10 }, (_, number) => number));
    expect(history.read().hasOlder).toBe(false);
  });

  it("goes to an instant, and on from there to the newest bar", async () => {
    const history = new MarketHistory(new Market(5_000), CHOSEN);
    await history.open(2_000 * MINUTE);
    expect([times(history)[0], times(history).at(-1)]).toEqual([1_000, 2_299]);
    expect(history.read().hasNewer).toBe(true);
    await history.newer();
    expect(times(history).at(-1)).toBe(4_999);
    expect(history.read().hasNewer).toBe(false);
  });

  it("takes in a bar that closes, what became of the zones, and no event twice", async () => {
    const market = new Market(50);
    const history = new MarketHistory(market, CHOSEN);
    await history.open();
    market.ended = 49 * MINUTE;
    await history.follow();
    expect(times(history)).toHaveLength(50);
    expect(history.read().structure).toHaveLength(1);
    expect(history.read().zones.get("z")?.ended).toBe(49 * MINUTE);
    market.count = 52;
    await history.follow();
    expect(times(history)).toHaveLength(52);
    expect(history.read().structure).toHaveLength(2);
  });

  it("says when it cannot be read, and can be read again; while following it waits", async () => {
    const market = new Market(50);
    const history = new MarketHistory(market, CHOSEN);
    market.failing = true;
    await history.open();
    expect(history.read().error).toBeInstanceOf(Error);
    market.failing = false;
    await history.open();
    market.failing = true;
    await history.follow();
    expect(history.read().error).toBeNull();
    expect(times(history)).toHaveLength(50);
  });

  it("reads only the indicators that are asked for, for the bars that are held", async () => {
    const history = new MarketHistory(new Market(50), CHOSEN);
    await history.open();
    expect(valuesOf(history.read(), "ema_9", 50)).toEqual(Array(50).fill(null));
    await history.setColumns(["ema_9"]);
    expect(valuesOf(history.read(), "ema_9", 3)).toEqual([0, 1, 2]);
  });
});
