import { describe, expect, it } from "vitest";
import { formatMoney } from "./money";

describe("money", () => {
  it("is told in the currency's own unit", () => {
    expect(formatMoney(2900, "EUR")).toBe("€29.00");
    expect(formatMoney(2900, "JPY")).toBe("¥2,900");
    expect(formatMoney(123_456, "EUR", "de")).toBe("1.234,56\u00a0€");
  });
});
