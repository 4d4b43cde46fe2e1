import { describe, expect, it } from "vitest";
import { stepsOf } from "./steps";

describe("the first steps", () => {
  it("are done when what they lead to is there", () => {
    const nothing = { marketSeen: false, watched: 0, alerts: 0, secondFactor: false };
    expect(stepsOf(nothing).map(({ done }) => done)).toEqual([false, false, false, false]);
    const some = { ...nothing, watched: 2, secondFactor: true };
    expect(stepsOf(some).map(({ done }) => done)).toEqual([false, true, false, true]);
  });
});
