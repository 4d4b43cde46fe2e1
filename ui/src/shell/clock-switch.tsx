"use client";

import { useState } from "react";
import { zoneLabel } from "@/format/times";
import { useClock, useReader } from "@/session/reader";

/** The zone that times are told in, and the way to the other one: UTC, or the reader's own. */
export function ClockSwitch() {
  const { zone } = useReader();
  const { utc, setUtc } = useClock();
  const [now] = useState(() => Date.now());
  return (
    <button
      type="button"
      aria-label={utc ? "Times are in UTC; use your own time zone" : `Times are in ${zone}; use UTC`}
      onClick={() => setUtc(!utc)}
      className="numeric hidden h-9 items-center rounded-md px-2 text-sm text-soft hover:bg-sunken hover:text-text sm:flex"
    >
      {zoneLabel(now, zone)}
    </button>
  );
}
