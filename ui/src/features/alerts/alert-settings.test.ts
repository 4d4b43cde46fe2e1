import { describe, expect, it } from "vitest";
import { channelValue, settingsOf, startOf } from "./alert-settings";

function form(values: Record<string, string | string[]>): FormData {
  const given = new FormData();
  for (const [name, value] of Object.entries(values)) for (const one of [value].flat()) given.append(name, one);
  return given;
}
const words = () => "In words";

describe("an alert", () => {
  it("on a price is read with when it ends, by the clock of the person", () => {
    const read = settingsOf(
      form({
        market: "binance:BTCUSDT",
        timeframe: "15m",
        level: "50000",
        crosses: "above",
        channel: ["email", "0194c1a2-0000-7000-8000-000000000001"],
        cooldown: "30",
        expires: "2026-03-02T12:00",
      }),
      "price",
      "Europe/Berlin",
      words,
    );
    expect(read).toEqual({
      name: "In words",
      condition: { kind: "price", market: "binance:BTCUSDT", timeframe: "15m", level: 50_000, crosses: "above" },
      channels: [{ type: "email" }, { type: "webhook", webhook_id: "0194c1a2-0000-7000-8000-000000000001" }],
      quiet_hours: null,
      cooldown_seconds: 1_800,
      expires_at: "2026-03-02T11:00:00.000Z",
      enabled: true,
    });
    expect(read.channels.map(channelValue)).toEqual(["email", "0194c1a2-0000-7000-8000-000000000001"]);
  });

  it("on signals means any of what is not narrowed", () => {
    const read = settingsOf(form({ name: " mine ", direction: "-1", score: "0.6" }), "signal", "UTC", words);
    expect(read.name).toBe("mine");
    expect(read.condition).toEqual({
      kind: "signal",
      markets: null,
      timeframes: null,
      strategy: null,
      direction: -1,
      minimum_score: 0.6,
      exclude_simulated: false,
    });
  });

  it("on zones keeps every market and timeframe that was chosen", () => {
    const given = form({ markets: ["a:A", "b:B"], timeframes: ["1h", "4h"], zone: "fvg", quiet_from: "22:00" });
    const read = settingsOf(given, "zone", "UTC", words);
    expect(read.condition).toEqual({
      kind: "zone",
      markets: ["a:A", "b:B"],
      timeframes: ["1h", "4h"],
      zone: "fvg",
      side: null,
      scale: null,
    });
    expect(read.quiet_hours).toBeNull();
  });

  it("holds back or drops what falls into quiet hours", () => {
    const hours = { quiet_from: "22:00", quiet_to: "07:00", quiet_then: "drop" };
    expect(settingsOf(form(hours), "structure", "UTC", words).quiet_hours).toEqual({
      start: "22:00",
      end: "07:00",
      then: "drop",
    });
  });
});

describe("an address", () => {
  it("may ask for a new alert", () => {
    const asked = new URLSearchParams("new=price&market=binance:BTCUSDT&timeframe=1h&level=64000.5");
    expect(startOf(asked)).toEqual({ kind: "price", market: "binance:BTCUSDT", timeframe: "1h", level: 64_000.5 });
  });

  it("that asks for nothing that is known asks for nothing", () => {
    expect(startOf(new URLSearchParams("new=nonsense"))).toBeNull();
    expect(startOf(new URLSearchParams(""))).toBeNull();
    expect(startOf(new URLSearchParams("new=price&level=-1"))?.level).toBeUndefined();
  });
});
