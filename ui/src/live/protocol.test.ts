import { describe, expect, it } from "vitest";
import { isSilent, judge, type Message, newSignal, pauseMs, read, START } from "./protocol";

describe("a stream of signals", () => {
  it("keeps the cursor of whatever it reads, so that it misses nothing and gets nothing twice", () => {
    const messages: Message[] = [
      { type: "ready", cursor: 10, heartbeat_s: 15, delay_s: 0, plan: "pro" },
      { type: "signal", cursor: 11, signal: {} },
      { type: "heartbeat", cursor: 14 },
      { type: "outcome", cursor: 15, outcome: "stopped" },
    ];
    const effects: string[] = [];
    const last = messages.reduce((before, message) => {
      const [after, effect] = read(before, message);
      effects.push(effect);
      return after;
    }, START);
    expect(last.cursor).toBe(15);
    expect(effects).toEqual(["none", "event", "none", "event"]);
  });

  it("has the list read anew where events are missing or the terms have changed", () => {
    expect(read(START, { type: "resync", cursor: 99, reason: "history" })).toEqual([
      { ...START, cursor: 99 },
      "read-anew",
    ]);
    expect(read({ ...START, cursor: 7 }, { type: "entitlements", delay_s: 900, plan: "free" })).toEqual([
      { ...START, cursor: 7 },
      "read-anew",
    ]);
  });

  it("goes on where it was after it was cut for being slow", () => {
    expect(read(START, { type: "lagged", cursor: 42 })[0].cursor).toBe(42);
  });

  it("forgets its failures once it is open", () => {
    const ready: Message = { type: "ready", cursor: 1, heartbeat_s: 5, delay_s: 0, plan: "pro" };
    expect(read({ ...START, failures: 6 }, ready)[0]).toEqual({ cursor: 1, heartbeatS: 5, failures: 0 });
  });
});

describe("a message", () => {
  it("tells of a new signal, or of none", () => {
    expect(newSignal({ type: "signal", cursor: 1, signal: { signal_id: "a" } })?.signal_id).toBe("a");
    expect(newSignal({ type: "outcome", cursor: 2, signal_id: "a" })).toBeNull();
    expect(newSignal({ type: "heartbeat", cursor: 3 })).toBeNull();
  });
});

describe("a closed stream", () => {
  it.each([
    [1006, "retry"],
    [1012, "retry"],
    [4408, "retry"],
    [4401, "refresh"],
    [4403, "stop"],
    [4429, "stop"],
  ])("with code %d means %s", (code, verdict) => {
    expect(judge(code)).toBe(verdict);
  });

  it("is tried again later and later, and by nobody at the same time", () => {
    expect(pauseMs(0, () => 0)).toBe(250);
    expect(pauseMs(0, () => 1)).toBe(500);
    expect(pauseMs(3, () => 1)).toBe(4_000);
    expect(pauseMs(50, () => 1)).toBe(30_000);
  });
});

describe("silence", () => {
  it("of two heartbeats and a half is the end of a stream", () => {
    expect(isSilent(START, 37_000)).toBe(false);
    expect(isSilent(START, 38_000)).toBe(true);
  });
});
