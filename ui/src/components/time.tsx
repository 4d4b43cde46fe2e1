"use client";

import { formatTime, zoneLabel } from "@/format/times";
import { useReader } from "@/session/reader";

/** An instant in the reader's time zone, which it names. */
export function Time({ at, zone: showZone = false }: { at: string; zone?: boolean }) {
  const { zone } = useReader();
  const label = zoneLabel(at, zone);
  const text = formatTime(at, zone);
  return (
    <time dateTime={at} title={`${text} ${label}`} className="numeric whitespace-nowrap">
      {text}
      {showZone && <span className="text-faint"> {label}</span>}
    </time>
  );
}
