const cached = new Map<string, Intl.DateTimeFormat>();

function formatter(locale: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale}|${zone}|${JSON.stringify(options)}`;
  let found = cached.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
    cached.set(key, found);
  }
  return found;
}

/** Day and minute of an instant in a time zone: 31 Jan 2024, 13:45. */
export function formatTime(at: string | number, zone: string, locale = "en-GB"): string {
  return formatter(locale, zone, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(new Date(at));
}

/** Day of an instant in a time zone. */
export function formatDay(at: string | number, zone: string, locale = "en-GB"): string {
  return formatter(locale, zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(at));
}

/** How a time zone is told beside a time: UTC, or UTC+01:00 at that instant. */
export function zoneLabel(at: string | number, zone: string): string {
  const parts = formatter("en-GB", zone, { timeZoneName: "longOffset", hour: "2-digit" }).formatToParts(new Date(at));
  const offset = parts.find((part) => part.type === "timeZoneName")?.value ?? "GMT";
  return offset.replace("GMT", "UTC").replace("+00:00", "");
}

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [Number.POSITIVE_INFINITY, "day"],
];

/** How long ago, in the largest unit that fits. */
export function formatAge(at: string | number, now: number, locale = "en"): string {
  let amount = Math.round((new Date(at).getTime() - now) / 1000);
  for (const [length, unit] of STEPS) {
    if (Math.abs(amount) < length) {
      return new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" }).format(amount, unit);
    }
    amount = Math.trunc(amount / length);
  }
  return "";
}

/** Hour and minute: 13:45. */
export function formatMinute(at: number, zone: string, locale = "en-GB"): string {
  return formatter(locale, zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
}

/** Day and month: 31 Jan. */
export function formatDayAndMonth(at: number, zone: string, locale = "en-GB"): string {
  return formatter(locale, zone, { day: "numeric", month: "short" }).format(at);
}

/** Month and year: Jan 2024. */
export function formatMonth(at: number, zone: string, locale = "en-GB"): string {
  return formatter(locale, zone, { month: "short", year: "numeric" }).format(at);
}

/** Year: 2024. */
export function formatYear(at: number, zone: string, locale = "en-GB"): string {
  return formatter(locale, zone, { year: "numeric" }).format(at);
}

/** Instant of a wall clock's reading (2024-01-31T13:45) in a time zone; null for what is none. */
export function instantOf(wall: string, zone: string): number | null {
  const guess = Date.parse(`${wall.length === 10 ? `${wall}T00:00` : wall}Z`);
  if (Number.isNaN(guess)) return null;
  // The offset at the instant itself may differ from that at the guess where clocks are put forward between the two.
  const first = guess - offsetOf(guess, zone);
  return guess - offsetOf(first, zone);
}

/** Reading of a wall clock in a time zone, as fields for dates and times want it: 2024-01-31T13:45. */
export function wallClock(at: number, zone: string): string {
  return new Date(at + offsetOf(at, zone)).toISOString().slice(0, 16);
}

function offsetOf(at: number, zone: string): number {
  const found = /([+-])(\d\d):(\d\d)/.exec(zoneLabel(at, zone));
  if (!found) return 0;
  return (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) * 60_000;
}
