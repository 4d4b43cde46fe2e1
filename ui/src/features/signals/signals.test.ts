import { describe, expect, it } from "vitest";
import { outcomeWord } from "./signals";

describe("what has become of a signal", () => {
  it.each([
    [null, null, "Open"],
    [null, "2024-01-01T00:00:00.000Z", "Open, first target hit"],
    ["target_1", "2024-01-01T00:00:00.000Z", "Target hit"],
    ["target_2", "2024-01-01T00:00:00.000Z", "Target hit"],
    ["stopped", null, "Stopped"],
    ["stopped", "2024-01-01T00:00:00.000Z", "Stopped after first target"],
    ["expired", null, "Expired"],
  ] as const)("%s with a first target at %s is told as %s", (outcome, target_1_ts, word) => {
    expect(outcomeWord({ status: outcome ? "closed" : "open", outcome, target_1_ts })).toBe(word);
  });
});
