import { describe, expect, it } from "vitest";
import { returnTo, signInPath } from "./return-to";

describe("where one goes after signing in", () => {
  it("is where one came from", () => {
    const path = signInPath("/signals/?market=binance:BTCUSDT");
    expect(returnTo(new URL(path, "http://x").searchParams)).toBe("/signals/?market=binance:BTCUSDT");
  });

  it.each([
    "//evil.example",
    "/\\evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "/%2e%2e//evil.example",
    "/signals/..//evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/v1/auth/logout",
    "/./v1/auth/logout",
    "",
  ])("is never %s", (next) => {
    expect(returnTo(new URLSearchParams({ next }))).toBe("/signals/");
  });
});
