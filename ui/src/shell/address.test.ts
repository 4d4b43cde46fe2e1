import { describe, expect, it } from "vitest";
import { changed } from "./address";

describe("an address", () => {
  it("keeps what is not changed, and loses what is empty", () => {
    expect(changed("?market=binance%3ABTCUSDT&id=1", { id: "", timeframe: "15m" })).toBe(
      "?market=binance%3ABTCUSDT&timeframe=15m",
    );
    expect(changed("?id=1", { id: "" })).toBe("");
  });
});
