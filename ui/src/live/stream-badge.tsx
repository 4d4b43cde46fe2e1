"use client";

import { classes } from "@/components/classes";
import { useStreamStatus } from "./live-signals";

const WORDS = {
  live: ["Live", "bg-up", "New signals appear by themselves"],
  connecting: ["Connecting", "bg-warn", "The live connection is being made"],
  waiting: ["Cut off", "bg-down", "The live connection is lost; it is tried again, and nothing will be missed"],
  refused: ["Not live", "bg-down", "The plan allows no further live connection; close another window"],
} as const;

/** Whether what is shown is live. It says so in a word, not by its colour alone. */
export function StreamBadge() {
  const [word, colour, meaning] = WORDS[useStreamStatus()];
  return (
    <span role="status" title={meaning} className="hidden items-center gap-2 px-2 text-sm text-soft sm:flex">
      <span aria-hidden className={classes("h-2 w-2 rounded-full", colour)} />
      {word}
    </span>
  );
}
