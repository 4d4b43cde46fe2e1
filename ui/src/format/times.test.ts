import { describe, expect, it } from "vitest";
import { formatAge, formatDay, formatMinute, formatTime, instantOf, wallClock, zoneLabel } from "./times";

const WINTER = "2024-01-31T23:45:00.000Z";
const SUMMER = "2024-07-31T23:45:00.000Z";

describe("times", () => {
  it("are told in the reader's zone", () => {
    expect(formatTime(WINTER, "UTC")).toBe("31 Jan 2024, 23:45");
    expect(formatTime(WINTER, "Europe/Berlin")).toBe("1 Feb 2024, 00:45");
    expect(formatDay(WINTER, "Asia/Tokyo")).toBe("1 Feb 2024");
  });

  it("name the zone as it is at that instant", () => {
    expect(zoneLabel(WINTER, "UTC")).toBe("UTC");
    expect(zoneLabel(WINTER, "Europe/Berlin")).toBe("UTC+01:00");
    expect(zoneLabel(SUMMER, "Europe/Berlin")).toBe("UTC+02:00");
  });

  it("are read from a wall clock, also on the day it is put forward", () => {
    expect(instantOf("2024-02-01T00:45", "Europe/Berlin")).toBe(Date.parse(WINTER));
    expect(instantOf("2024-03-31T01:30", "Europe/Berlin")).toBe(Date.parse("2024-03-31T00:30Z"));
    expect(instantOf("2024-03-31T03:30", "Europe/Berlin")).toBe(Date.parse("2024-03-31T01:30Z"));
    expect(instantOf("2024-02-01", "Asia/Tokyo")).toBe(Date.parse("2024-01-31T15:00Z"));
    expect(instantOf("", "UTC")).toBeNull();
    expect(wallClock(Date.parse(SUMMER), "America/New_York")).toBe("2024-07-31T19:45");
    expect(formatMinute(Date.parse(SUMMER), "Europe/Berlin")).toBe("01:45");
  });

  it("say how long ago", () => {
    const now = Date.parse(WINTER);
    expect(formatAge(now - 5_000, now)).toBe("5 sec. ago");
    expect(formatAge(now - 3 * 60_000, now)).toBe("3 min. ago");
    expect(formatAge(now - 47 * 3_600_000, now)).toBe("1 day ago");
  });
});
