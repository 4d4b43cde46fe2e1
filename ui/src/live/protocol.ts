/** Messages of the stream of signals, and what follows from each (docs/streams.md). Pure: no socket, no clock. */
import type { Schema } from "@/api/client";

/** A signal as it is told when it is published: without what became of it. */
export type NewSignal = Pick<
  Schema<"Signal">,
  "signal_id" | "market" | "timeframe" | "strategy" | "direction" | "entry" | "stop" | "target_1" | "simulated"
>;

export type Message =
  | { type: "ready"; cursor: number; heartbeat_s: number; delay_s: number; plan: string }
  | { type: "signal" | "outcome" | "takedown"; cursor: number; [field: string]: unknown }
  | { type: "heartbeat"; cursor: number }
  | { type: "entitlements"; cursor?: number; delay_s: number; plan: string }
  | { type: "resync"; cursor: number; reason: string }
  | { type: "lagged"; cursor: number }
  | { type: "reconnect"; after_ms: number }
  | { type: "closed"; reason: string };

export interface Reading {
  /** Where to go on after a cut; null before the first message. */
  cursor: number | null;
  /** Longest silence of a stream that is well. */
  heartbeatS: number;
  /** Failures in a row, for the pause before the next try. */
  failures: number;
}

export const START: Reading = { cursor: null, heartbeatS: 15, failures: 0 };

/** What the page has to do about a message. */
export type Effect = "none" | "event" | "read-anew";

export function read(before: Reading, message: Message): [Reading, Effect] {
  const after = "cursor" in message && message.cursor !== undefined ? { ...before, cursor: message.cursor } : before;
  switch (message.type) {
    case "ready":
      return [{ ...after, heartbeatS: message.heartbeat_s, failures: 0 }, "none"];
    case "signal":
    case "outcome":
    case "takedown":
      return [after, "event"];
    case "resync":
    case "entitlements":
      // Something lies between what is shown and what comes: the list is read again.
      return [after, "read-anew"];
    default:
      return [after, "none"];
  }
}

/** The signal a message tells of, if it tells of a new one. */
export function newSignal(message: Message): NewSignal | null {
  return message.type === "signal" ? (message.signal as NewSignal) : null;
}

/** What a closed stream means: try again, sign in anew first, or leave it. */
export type Verdict = "retry" | "refresh" | "stop";

export function judge(code: number): Verdict {
  if (code === 4401) return "refresh";
  if (code === 4403 || code === 4429) return "stop";
  return "retry";
}

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Pause before the next try: twice as long each time, and never the same for all who were cut at once. */
export function pauseMs(failures: number, random: () => number): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
  return longest / 2 + (random() * longest) / 2;
}

/** Whether a stream that says nothing has to be taken for dead. */
export function isSilent(reading: Reading, silenceMs: number): boolean {
  return silenceMs > reading.heartbeatS * 1000 * 2.5;
}
