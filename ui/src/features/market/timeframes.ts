import type { Schema } from "@/api/client";

export type Timeframe = Schema<"Timeframe">;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LENGTHS: Record<Timeframe, number> = {
  "1m": MINUTE,
  "3m": 3 * MINUTE,
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "30m": 30 * MINUTE,
  "1h": HOUR,
  "2h": 2 * HOUR,
  "4h": 4 * HOUR,
  "6h": 6 * HOUR,
  "8h": 8 * HOUR,
  "12h": 12 * HOUR,
  "1d": 24 * HOUR,
  "1w": 168 * HOUR,
};

/** Timeframes from short to long. */
export const TIMEFRAMES = Object.keys(LENGTHS) as Timeframe[];

/** Length of a bar in milliseconds. */
export function lengthOf(timeframe: Timeframe): number {
  return LENGTHS[timeframe];
}

/**
 * What somebody means who types a timeframe as on any terminal: 15 is fifteen minutes, 60 and 1h an hour, d a day.
 * Null for what is none.
 */
export function typedTimeframe(typed: string): Timeframe | null {
  const found = /^(\d*)([mhdw]?)$/i.exec(typed.trim());
  if (!found || typed.trim() === "") return null;
  const unit = { m: MINUTE, h: HOUR, d: 24 * HOUR, w: 168 * HOUR }[found[2]!.toLowerCase() || "m"]!;
  const length = Number(found[1] || "1") * unit;
  return TIMEFRAMES.find((one) => LENGTHS[one] === length) ?? null;
}
