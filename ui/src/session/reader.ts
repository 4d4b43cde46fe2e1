"use client";

import { useSyncExternalStore } from "react";
import { useProfile } from "./session";

/** How somebody reads times and numbers. */
export interface Reader {
  zone: string;
  locale: string;
}

const nothing = () => () => undefined;

/** Time zone and language of the account; of the browser while nobody is signed in. */
export function useReader(): Reader {
  const { data } = useProfile();
  const browserZone = useSyncExternalStore(
    nothing,
    () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    () => "UTC",
  );
  return data ? { zone: data.time_zone, locale: data.locale } : { zone: browserZone, locale: "en" };
}
