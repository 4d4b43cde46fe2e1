import { describe, expect, it } from "vitest";
import { bars, eventWords, zoneWords } from "./background-words";

describe("what stands behind a signal, in words", () => {
  it("names a zone with its side and prices", () => {
    expect(zoneWords({ kind: "fvg", side: -1, top: 42_010.5, bottom: 41_990.5 }, "en")).toBe(
      "Fair value gap, supply, 41,990.50 to 42,010.50",
    );
  });

  it("names a break with its direction and a pivot with its label", () => {
    const event = { scale: "internal", direction: -1, level: 42_000, label: null } as const;
    expect(eventWords({ ...event, kind: "choch" }, "en")).toBe("Internal change of character, down, at 42,000.00");
    expect(eventWords({ ...event, kind: "swing_high", label: "LH" }, "en")).toBe(
      "Internal swing high, LH, at 42,000.00",
    );
    expect(eventWords({ ...event, kind: "eqh" }, "en")).toBe("Internal equal highs, at 42,000.00");
  });

  it("counts bars", () => {
    expect([bars(0), bars(1), bars(1200)]).toEqual(["0 bars", "1 bar", "1,200 bars"]);
  });
});
