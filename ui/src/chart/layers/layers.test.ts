import { describe, expect, it } from "vitest";
import type { Bar } from "../bars";
import { type Box, CLOSE, isBetween, type Line, type Mark, priceReach, type Shape } from "../shapes";
import { type ChartSignal, signalShapes } from "./signals";
import { breakShapes, pivotShapes, premiumShapes, type StructureEvent } from "./structure";
import { Timeline } from "./timeline";
import { type Zone, zoneShapes } from "./zones";

const MINUTE = 60_000;
const at = (number: number) => number * MINUTE;
const bars = (count: number): Bar[] =>
  Array.from({ length: count }, (_, number) => ({ time: at(number), open: 1, high: 1, low: 1, close: 1, volume: 1 }));
/** Everything up to the close of bar `last` is known. */
const upTo = (last: number) => new Timeline(bars(last + 1), MINUTE);
const boxes = (shapes: Shape[]) => shapes.filter((shape): shape is Box => shape.kind === "box");
const lines = (shapes: Shape[]) => shapes.filter((shape): shape is Line => shape.kind === "line");
const marks = (shapes: Shape[]) => shapes.filter((shape): shape is Mark => shape.kind === "mark");

const zone: Zone = {
  id: "z",
  kind: "order_block",
  side: 1,
  scale: "swing",
  top: 110,
  bottom: 100,
  origin: at(2),
  created: at(5),
  touched: at(8),
  mitigated: at(9),
  ended: at(12),
  status: "invalidated",
};

describe("a zone", () => {
  it("is not there before the bar has closed at which it became known", () => {
    expect(zoneShapes([zone], upTo(4))).toEqual([]);
    expect(boxes(zoneShapes([zone], upTo(5)))).toHaveLength(1);
  });

  it("begins where it became known, on its prices, and is open while nothing has ended it", () => {
    const [box] = boxes(zoneShapes([zone], upTo(8)));
    expect(box).toMatchObject({ from: 5 + CLOSE, to: Infinity, top: 110, bottom: 100, tone: "up" });
  });

  it("ends where it was mitigated, and not before that is known", () => {
    expect(boxes(zoneShapes([zone], upTo(8)))[0]?.to).toBe(Infinity);
    expect(boxes(zoneShapes([zone], upTo(9)))[0]?.to).toBe(9 + CLOSE);
    expect(boxes(zoneShapes([zone], upTo(20)))[0]?.to).toBe(9 + CLOSE);
  });

  it("is told by its name and its border, not by its colour alone", () => {
    const other: Zone = { ...zone, kind: "breaker", side: -1 };
    const [one, two] = boxes(zoneShapes([zone, other], upTo(6)));
    expect([one?.label, two?.label]).toEqual(["OB ▲", "BRK ▼"]);
    expect(one?.border).not.toBe(two?.border);
  });

  it("is left out where it ended before the first bar", () => {
    const late = new Timeline(bars(30).slice(20), MINUTE);
    expect(zoneShapes([zone], late)).toEqual([]);
    expect(boxes(zoneShapes([{ ...zone, mitigated: null, ended: null }], late))[0]?.from).toBe(-1 + CLOSE);
  });

  it("marks a sweep of liquidity at its bar", () => {
    const pool: Zone = { ...zone, kind: "liquidity", side: -1, mitigated: null, status: "swept" };
    expect(marks(zoneShapes([pool], upTo(11)))).toEqual([]);
    expect(marks(zoneShapes([pool], upTo(12)))[0]).toMatchObject({ at: 12, price: 110, text: "Sweep" });
  });
});

const event: StructureEvent = {
  time: at(10),
  scale: "swing",
  kind: "bos",
  direction: 1,
  level: 105,
  origin: at(4),
  label: null,
};

describe("structure", () => {
  it("draws a break from its pivot to the bar that broke it, once that has closed", () => {
    expect(breakShapes([event], upTo(9))).toEqual([]);
    expect(lines(breakShapes([event], upTo(10)))[0]).toMatchObject({ from: 4, to: 10, price: 105, label: "BOS" });
  });

  it("names a pivot only when it is confirmed, at the bar of the pivot", () => {
    const pivot: StructureEvent = { ...event, kind: "swing_high", direction: -1, label: "LH" };
    expect(pivotShapes([pivot], upTo(9))).toEqual([]);
    expect(marks(pivotShapes([pivot], upTo(10)))[0]).toMatchObject({ at: 4, text: "LH", side: "above", tone: "down" });
  });

  it("shades dear and cheap between the last two large pivots that are known", () => {
    const high: StructureEvent = { ...event, kind: "swing_high", level: 120, origin: at(3), time: at(6) };
    const low: StructureEvent = { ...event, kind: "swing_low", level: 100, origin: at(7), time: at(9) };
    expect(premiumShapes([high, low], upTo(8))).toEqual([]);
    const [premium, discount] = boxes(premiumShapes([high, low], upTo(9)));
    expect([premium?.top, premium?.bottom]).toEqual([120, 110]);
    expect([discount?.top, discount?.bottom]).toEqual([110, 100]);
    expect(premium?.from).toBe(3);
  });
});

const signal: ChartSignal = {
  id: "s",
  time: at(5),
  direction: 1,
  strategy: "x",
  entry: 100,
  stop: 95,
  target1: 105,
  target2: 110,
  target1At: at(8),
  outcome: "target_2",
  outcomeAt: at(12),
  resultR: 2,
};

describe("a signal", () => {
  it("says nothing of its end before that is known", () => {
    const open = signalShapes([signal], upTo(11));
    expect(boxes(open).map(({ from, to }) => [from, to])).toEqual(Array(2).fill([5 + CLOSE, Infinity]));
    expect(marks(open)[0]?.text).toBe("Long");
    const over = signalShapes([signal], upTo(12));
    expect(boxes(over)[0]?.to).toBe(12 + CLOSE);
    expect(marks(over)[0]?.text).toBe("Long +2.0 R");
  });

  it("shows the first target as hit when it was", () => {
    const labels = (last: number) => lines(signalShapes([signal], upTo(last))).map(({ label }) => label);
    expect(labels(7)).toContain("T1");
    expect(labels(8)).toContain("T1 ✓");
  });

  it("reaches from the stop to the last target", () => {
    expect(priceReach(signalShapes([signal], upTo(6)))).toEqual({ low: 95, high: 110 });
  });
});

describe("what is in sight", () => {
  it("is what has any part between two bars", () => {
    const [box] = boxes(zoneShapes([zone], upTo(20)));
    expect([isBetween(box!, 0, 5), isBetween(box!, 0, 6), isBetween(box!, 9, 20), isBetween(box!, 10, 20)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});
