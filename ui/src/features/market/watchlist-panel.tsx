"use client";

import { Star } from "lucide-react";
import Link from "next/link";
import { classes } from "@/components/classes";
import { ErrorState, Skeleton } from "@/components/states";
import { formatChange, formatPrice } from "@/format/numbers";
import { useProfile } from "@/session/session";
import { useReader } from "@/session/reader";
import { useLatest, useStar, useWatchlists } from "./markets";
import type { Timeframe } from "./timeframes";

interface Props {
  chosen: string;
  /** Timeframe of the page, and the shortest one, whose bars the prices are of. */
  timeframe: Timeframe;
  shortest: Timeframe;
}

/** The markets somebody watches, at the close of their newest bars; all of them while no list is kept. */
export function WatchlistPanel({ chosen, timeframe, shortest }: Props) {
  const { locale } = useReader();
  const signedIn = Boolean(useProfile().data);
  const lists = useWatchlists();
  const star = useStar();
  const list = lists.data?.[0];
  const latest = useLatest(shortest, list?.markets.length ? list.markets : null);
  const starred = list?.markets.includes(chosen) ?? false;
  return (
    <section aria-labelledby="watchlist" className="rounded-lg border border-line bg-surface">
      <header className="flex items-center justify-between gap-2 border-b border-line px-3 py-2">
        <h2 id="watchlist" className="text-sm font-semibold">
          {list?.markets.length ? list.name : "All markets"}
        </h2>
        {signedIn && (
          <button
            type="button"
            aria-pressed={starred}
            disabled={star.isPending}
            onClick={() => star.mutate({ list, market: chosen })}
            className="flex h-7 items-center gap-1.5 rounded px-2 text-xs text-soft hover:bg-sunken hover:text-text"
          >
            <Star size={14} aria-hidden fill={starred ? "currentColor" : "none"} />
            {starred ? "Take off" : `Watch ${chosen.split(":")[1]}`}
          </button>
        )}
      </header>
      {star.isError && <ErrorState error={star.error} />}
      {latest.isPending ? (
        <div className="flex flex-col gap-2 p-3">
          <Skeleton className="h-6" />
          <Skeleton className="h-6" />
          <Skeleton className="h-6" />
        </div>
      ) : latest.isError ? (
        <ErrorState error={latest.error} retry={() => void latest.refetch()} />
      ) : (
        <ul className="max-h-72 overflow-y-auto py-1" tabIndex={0} aria-labelledby="watchlist">
          {latest.data.map(({ market, close, change_24h }) => (
            <li key={market}>
              <Link
                prefetch={false}
                href={`/market/?market=${market}&timeframe=${timeframe}`}
                aria-current={market === chosen ? "true" : undefined}
                className={classes(
                  "numeric flex items-center justify-between gap-2 px-3 py-1.5 text-sm hover:bg-sunken",
                  market === chosen && "bg-accent-soft",
                )}
              >
                <span className="font-medium">{market.split(":")[1]}</span>
                <span className="flex gap-3">
                  <span>{formatPrice(close, locale)}</span>
                  <span className={classes("w-18 text-right", (change_24h ?? 0) >= 0 ? "text-up" : "text-down")}>
                    {change_24h != null && (change_24h >= 0 ? "▲ " : "▼ ")}
                    {formatChange(change_24h, locale)}
                  </span>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
