import { describe, expect, it } from "vitest";
import { type Bar, indexAt, mergeBars } from "./bars";

const bar = (time: number, close = time): Bar => ({ time, open: 1, high: 2, low: 0, close, volume: 1 });
const times = (bars: readonly Bar[]) => bars.map(({ time }) => time);

describe("bars", () => {
  it("are found by an instant: the last that opened by then", () => {
    const bars = [10, 20, 30].map((time) => bar(time));
    expect([5, 10, 19, 30, 99].map((time) => indexAt(bars, time))).toEqual([-1, 0, 0, 2, 2]);
    expect(indexAt([], 5)).toBe(-1);
  });

  it("come in once each, wherever they belong", () => {
    const held = [20, 30, 50].map((time) => bar(time));
    expect(times(mergeBars(held, [bar(60)]))).toEqual([20, 30, 50, 60]);
    expect(times(mergeBars(held, [bar(10)]))).toEqual([10, 20, 30, 50]);
    expect(times(mergeBars(held, [bar(10), bar(30), bar(40), bar(60)]))).toEqual([10, 20, 30, 40, 50, 60]);
    expect(times(mergeBars([], held))).toEqual([20, 30, 50]);
  });

  it("that were restated stand in the place of the old ones", () => {
    expect(mergeBars([bar(20), bar(30)], [bar(30, 7)]).map(({ close }) => close)).toEqual([20, 7]);
  });

  it("stay the same array when nothing has changed, so that nothing is drawn anew", () => {
    const held = [bar(20), bar(30)];
    expect(mergeBars(held, [bar(30)])).toBe(held);
    expect(mergeBars(held, [])).toBe(held);
  });
});
