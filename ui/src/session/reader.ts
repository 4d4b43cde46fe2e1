"use client";

import { useSyncExternalStore } from "react";
import { useChoice } from "./choice";
import { useProfile } from "./session";

/** How somebody reads times and numbers. */
export interface Reader {
  zone: string;
  locale: string;
}

const nothing = () => () => undefined;

/** Whether times are told in UTC rather than in the reader's own zone; this browser remembers it. */
export function useClock(): { utc: boolean; setUtc: (utc: boolean) => void } {
  const [utc, setUtc] = useChoice("clock.utc", false);
  return { utc, setUtc };
}

/** Time zone and language of the account; of the browser while nobody is signed in. */
export function useReader(): Reader {
  const { data } = useProfile();
  const { utc } = useClock();
  const browserZone = useSyncExternalStore(
    nothing,
    () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    () => "UTC",
  );
  const zone = utc ? "UTC" : (data?.time_zone ?? browserZone);
  return { zone, locale: data?.locale ?? "en" };
}
