import { describe, expect, it } from "vitest";
import { beginReplay, stepReplay } from "./replay";

const bars = [10, 20, 30, 40].map((time) => ({ time, open: 1, high: 1, low: 1, close: 1, volume: 1 }));

describe("a replay", () => {
  it("begins at the bar of an instant, with something left to show", () => {
    expect(beginReplay(bars, 25)?.until).toBe(20);
    expect(beginReplay(bars, 99)?.until).toBe(30);
    expect(beginReplay(bars)?.until).toBe(30);
    expect(beginReplay(bars.slice(0, 1))).toBeNull();
  });

  it("goes on and back bar by bar, and stops at the ends", () => {
    const replay = { until: 20, playing: true, speed: 2 } as const;
    expect(stepReplay(replay, bars, 1)).toEqual({ until: 30, playing: true, speed: 2 });
    expect(stepReplay(replay, bars, 2)).toEqual({ until: 40, playing: false, speed: 2 });
    expect(stepReplay(replay, bars, -5).until).toBe(10);
  });
});
