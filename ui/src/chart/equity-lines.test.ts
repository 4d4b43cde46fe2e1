import { describe, expect, it } from "vitest";
import { monthsOf, pointsOf, sinceStart } from "./equity-lines";

const day = (text: string) => Date.parse(`${text}T00:00:00Z`);

describe("a curve as it is drawn", () => {
  it("has one point a second, the last, and none that is no number", () => {
    expect(pointsOf([1000, 1500, 2000, 3000], [1, 2, Number.NaN, 4])).toEqual([
      { time: 1, value: 2 },
      { time: 3, value: 4 },
    ]);
  });

  it("can be held against one of another account", () => {
    expect(sinceStart([200, 220, 180])).toEqual([0, 0.10000000000000009, -0.09999999999999998]);
    expect(sinceStart([0, 5])).toEqual([0, 0]);
  });
});

describe("a curve by months", () => {
  it("changes from the end of the month before", () => {
    const ts = [day("2024-01-01"), day("2024-01-31"), day("2024-02-01"), day("2024-02-29")];
    const found = monthsOf(ts, [100, 110, 99, 121], [0, 0, -0.1, 0]);
    expect(found.map(({ end }) => end)).toEqual([110, 121]);
    expect(found[0]?.change).toBeCloseTo(0.1);
    expect(found[1]?.change).toBeCloseTo(0.1);
    expect(found.map(({ drawdown }) => drawdown)).toEqual([0, -0.1]);
  });
});
