"use client";

import { useEffect, useState } from "react";
import type { MarketHistory } from "./market-history";
import type { Timeframe } from "./timeframes";

/** What is computed of a bar is there a little after it: read again after these pauses. */
const AFTER_MS = [0, 3_000, 10_000];
/** Longer without a word than two heartbeats and a half: the connection is gone without having said so. */
const SILENCE_MS = 37_500;
const LOOK_EVERY_MS = 5_000;

/** Follow the bars of a market as they close. Whether the connection stands; it comes back by itself. */
export function useFollowing(history: MarketHistory, market: string, timeframe: Timeframe): boolean {
  const [following, setFollowing] = useState(true);
  useEffect(() => {
    const timers = new Set<ReturnType<typeof setTimeout>>();
    let source: EventSource | undefined;
    let heardAt = Date.now();
    const hear = () => {
      heardAt = Date.now();
      setFollowing(true);
    };
    const readOn = () => {
      hear();
      for (const pause of AFTER_MS) {
        const timer = setTimeout(() => {
          timers.delete(timer);
          void history.follow();
        }, pause);
        timers.add(timer);
      }
    };
    const open = () => {
      source?.close();
      const last = history.read().bars.at(-1);
      const query = new URLSearchParams({ market, timeframe, ...(last && { after: String(last.time) }) });
      source = new EventSource(`/v1/candles/stream?${query}`);
      for (const kind of ["ready", "heartbeat"]) source.addEventListener(kind, hear);
      for (const kind of ["bar", "resync"]) source.addEventListener(kind, readOn);
      source.addEventListener("error", () => {
        // Where the browser gives up, as after a refusal, it is tried again below.
        if (source?.readyState !== EventSource.OPEN) setFollowing(false);
      });
    };
    const again = () => {
      heardAt = Date.now();
      open();
      void history.follow();
    };
    const clock = setInterval(() => {
      const silent = Date.now() - heardAt > SILENCE_MS;
      if (navigator.onLine && (silent || source?.readyState === EventSource.CLOSED)) again();
    }, LOOK_EVERY_MS);
    const lost = () => {
      source?.close();
      setFollowing(false);
    };
    open();
    window.addEventListener("online", again);
    window.addEventListener("offline", lost);
    return () => {
      source?.close();
      clearInterval(clock);
      for (const timer of timers) clearTimeout(timer);
      window.removeEventListener("online", again);
      window.removeEventListener("offline", lost);
    };
  }, [history, market, timeframe]);
  return following;
}
