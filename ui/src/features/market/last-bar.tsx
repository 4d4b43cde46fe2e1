"use client";

import { useEffect, useState } from "react";
import type { Bar } from "@/chart/bars";
import { Button } from "@/components/button";
import { formatAge } from "@/format/times";
import { useReader } from "@/session/reader";

interface Props {
  bars: readonly Bar[];
  length: number;
  following: boolean;
  onNewest: () => void;
}

/** How old the newest bar is, said plainly when it should have been followed by another long ago. */
export function LastBar({ bars, length, following, onNewest }: Props) {
  const { locale } = useReader();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const last = bars.at(-1);
  if (!last) return null;
  const closed = last.time + length;
  const stale = now - closed > 2 * length;
  return (
    <p className="ml-auto flex items-center gap-2 text-sm">
      <span className={stale || !following ? "text-warn" : "text-soft"}>
        {following ? (stale ? "Stale: the " : "The ") : "Cut off: the "}
        newest bar closed {formatAge(closed, now, locale)}
      </span>
      <Button size="small" kind="quiet" onClick={onNewest}>
        Newest
      </Button>
    </p>
  );
}
