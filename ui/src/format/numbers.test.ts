import { describe, expect, it } from "vitest";
import {
  formatChange,
  formatCount,
  formatPrice,
  formatQuantity,
  formatR,
  formatShare,
  NOTHING,
  priceDigits,
} from "./numbers";

describe("prices", () => {
  it.each([
    [42_137.5, 2, "42,137.50"],
    [123.456, 2, "123.46"],
    [3.14159, 4, "3.1416"],
    [0.51234, 5, "0.51234"],
    [0.00001234, 8, "0.00001234"],
    [0, 2, "0.00"],
  ])("%d has %d digits", (price, digits, text) => {
    expect(priceDigits(price)).toBe(digits);
    expect(formatPrice(price)).toBe(text);
  });

  it("follow the reader's language", () => {
    expect(formatPrice(42_137.5, "de")).toBe("42.137,50");
  });

  it("that are not there are a dash", () => {
    for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(formatPrice(value)).toBe(NOTHING);
      expect(formatR(value)).toBe(NOTHING);
      expect(formatChange(value)).toBe(NOTHING);
    }
  });
});

describe("changes", () => {
  it("have a sign, but nothing has none", () => {
    expect(formatChange(0.0123)).toBe("+1.23%");
    expect(formatChange(-0.0123)).toBe("\u22121.23%");
    expect(formatChange(0)).toBe("0.00%");
    expect(formatChange(12.5)).toBe("+1,250%");
  });

  it("in units of the risk do not break before their unit", () => {
    expect(formatR(1.5)).toBe("+1.50\u00a0R");
    expect(formatR(-1)).toBe("\u22121.00\u00a0R");
  });
});

describe("quantities", () => {
  it("are abbreviated where they are long", () => {
    expect(formatQuantity(9_999)).toBe("9,999");
    expect(formatQuantity(1_234_567)).toBe("1.23M");
    expect(formatQuantity(0.00012345)).toBe("0.00012345");
  });

  it("and shares are plain", () => {
    expect(formatShare(0.456)).toBe("46%");
    expect(formatCount(12_345)).toBe("12,345");
  });
});
