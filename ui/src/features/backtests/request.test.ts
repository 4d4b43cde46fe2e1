import { describe, expect, it } from "vitest";
import type { Choices, Setting } from "./backtests";
import { fieldErrors, requestOf, setsOf, startingValues, type Typed, typedOf, valuesOf, WHOLE } from "./request";

const FAST: Setting = { name: "fast", default: 20, kind: "integer" };
const SHORT: Setting = { name: "short", default: false, kind: "boolean" };
const TAKER: Setting = { name: "fees.taker_bp", default: 5, kind: "number" };
const typed = (changes: Partial<Typed>): Typed => ({
  strategy: "moving_average_cross",
  market: "sim:BTCUSDT",
  timeframe: "1h",
  start: "",
  end: "",
  values: {},
  walkForward: null,
  robust: true,
  ...changes,
});

describe("a field", () => {
  it("holds one value, or several that are all tried once", () => {
    expect(valuesOf(" 5 , 10,5, ", FAST)).toEqual([5, 10]);
    expect(valuesOf("true, false", SHORT)).toEqual([true, false]);
    expect(valuesOf("", FAST)).toEqual([]);
  });

  it("says what it takes", () => {
    expect(valuesOf("5.5", FAST)).toContain("Whole numbers");
    expect(valuesOf("five", TAKER)).toContain("Numbers only");
    expect(valuesOf("1e999", TAKER)).toContain("Numbers only");
  });
});

describe("a request", () => {
  it("sends nothing of what was left empty, and varies what has several values", () => {
    const values = { fast: "5, 10, 15", short: "", "fees.taker_bp": "7.5" };
    const made = requestOf(typed({ values }), [FAST, SHORT], [TAKER]);
    expect(made).toMatchObject({ parameters: {}, config: { "fees.taker_bp": 7.5 }, vary: { fast: [5, 10, 15] } });
    expect(made).toMatchObject({ start: null, end: null, walk_forward: null });
    expect(setsOf({ values: { ...values, short: "true, false" } }, [FAST, SHORT, TAKER])).toBe(6);
  });

  it("is not sent while a field cannot be read", () => {
    const walkForward = { train: "90", test: "", anchored: false };
    const made = requestOf(typed({ values: { fast: "x" }, walkForward }), [FAST], []);
    expect(made).toBeInstanceOf(Map);
    expect([...(made as ReadonlyMap<string, string>).keys()]).toEqual(["fast", "test_days"]);
  });

  it("comes back into the form as it was typed", () => {
    const form = typed({
      start: "2024-01-01",
      values: { fast: "5, 10", short: "true", "fees.taker_bp": "7.5" },
      walkForward: { train: "40", test: "10", anchored: true },
    });
    const made = requestOf(form, [FAST, SHORT], [TAKER]);
    expect(typedOf(made as Parameters<typeof typedOf>[0])).toEqual(form);
  });
});

describe("a refusal", () => {
  it("is told at its field, whatever the path to it", () => {
    const errors = [
      { field: "parameters.fast.int", message: "too large" },
      { field: "parameters.fast.float", message: "no number" },
      { field: "config.fees.taker_bp.function-after", message: "not finite" },
      { field: "walk_forward.test_days", message: "too long" },
      { field: "market", message: "no market" },
    ];
    expect([...fieldErrors({ errors }, [FAST, TAKER])]).toEqual([
      ["fast", "too large"],
      ["fees.taker_bp", "not finite"],
      ["test_days", "too long"],
      ["market", "no market"],
    ]);
  });

  it("is told of the whole where it is of no field", () => {
    expect(fieldErrors({ errors: [{ field: "body", message: "end is before start" }] }, []).get(WHOLE)).toBe(
      "end is before start",
    );
    expect(fieldErrors({ errors: [{ field: "vary", message: "there is no 'x'" }] }, []).get(WHOLE)).toContain("vary: ");
  });
});

it("a strategy without stops is not begun with sizing by risk", () => {
  const strategies = [
    { name: "cross", parameters: [], stops: false },
    { name: "smc", parameters: [], stops: true },
  ];
  const choices: Choices = { strategies, configuration: [], metrics: [], updated_at: null, left_today: 1 };
  expect(startingValues(choices, "cross")).toMatchObject({ sizing: "equity_fraction" });
  expect(startingValues(choices, "smc")).toEqual({});
});
