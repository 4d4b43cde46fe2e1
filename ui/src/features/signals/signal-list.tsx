"use client";

import Link from "next/link";
import type { MouseEvent } from "react";
import { Button } from "@/components/button";
import { classes } from "@/components/classes";
import { EmptyState, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import { formatPrice } from "@/format/numbers";
import { zoneLabel } from "@/format/times";
import { useReader } from "@/session/reader";
import { Direction, Result } from "./direction";
import { type Signal, type SignalFilter, useSignals } from "./signals";

interface Choosing {
  /** The signal that the keys have gone to. */
  selected?: string | null;
  /** Shows one in full, here; without it its link leads to where that is. */
  onOpen?: (id: string) => void;
}

/** Signals as they were published. Losing ones never disappear. */
export function SignalList({ filter, ...choosing }: { filter: SignalFilter } & Choosing) {
  const found = useSignals(filter);
  if (found.isPending) {
    return (
      <div className="flex flex-col gap-2" aria-busy="true" aria-label="Signals are on their way">
        {Array.from({ length: 8 }, (_, row) => (
          <Skeleton key={row} className="h-14" />
        ))}
      </div>
    );
  }
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  const signals = found.data.pages.flatMap((page) => page.items);
  if (!signals.length) {
    return (
      <EmptyState title="No signals here yet">
        Either nothing fits these filters, or no strategy has decided anything on the stored bars so far. Signals appear
        here by themselves.
      </EmptyState>
    );
  }
  return (
    <>
      <Table signals={signals} {...choosing} />
      <Cards signals={signals} {...choosing} />
      {found.hasNextPage && (
        <div className="mt-4 flex justify-center">
          <Button busy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            Show older ones
          </Button>
        </div>
      )}
    </>
  );
}

/** The way to a signal in full. */
function Way({ signal, onOpen }: { signal: Signal; onOpen: Choosing["onOpen"] }) {
  function open(event: MouseEvent) {
    // Another tab, a download, a menu: what the browser is asked for by more than a click is left to it.
    if (!onOpen || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    onOpen(signal.signal_id);
  }
  return (
    <Link
      href={`/signals/?id=${signal.signal_id}`}
      prefetch={false}
      data-signal={signal.signal_id}
      onClick={open}
      className="rounded font-medium hover:underline"
    >
      {signal.market.split(":")[1]}
    </Link>
  );
}

const SELECTED = "bg-accent-soft shadow-[inset_3px_0_0_var(--accent)]";
const HEAD = "px-3 py-2 text-left text-xs font-medium text-faint";
const NUMBER = "numeric px-3 py-2.5 text-right whitespace-nowrap";

function Table({ signals, selected, onOpen }: { signals: Signal[] } & Choosing) {
  const { locale, zone } = useReader();
  return (
    <div className="hidden overflow-x-auto rounded-lg border border-line bg-surface md:block">
      <table className="w-full text-sm">
        <caption className="sr-only">Published signals, newest first</caption>
        <thead className="border-b border-line">
          <tr>
            <th className={HEAD}>Known, {zoneLabel(signals[0]?.known_at ?? 0, zone)}</th>
            <th className={HEAD}>Market</th>
            <th className={HEAD}>Strategy</th>
            <th className={HEAD}>Side</th>
            <th className={`${HEAD} text-right`}>Entry</th>
            <th className={`${HEAD} text-right`}>Stop</th>
            <th className={`${HEAD} text-right`}>Targets</th>
            <th className={HEAD}>Result</th>
          </tr>
        </thead>
        <tbody>
          {signals.map((signal) => (
            <tr
              key={signal.signal_id}
              aria-current={selected === signal.signal_id || undefined}
              onClick={onOpen && (() => onOpen(signal.signal_id))}
              className={classes(
                "border-b border-line last:border-0",
                onOpen && "cursor-pointer",
                selected === signal.signal_id ? SELECTED : "hover:bg-sunken",
              )}
            >
              <td className="px-3 py-2.5">
                <Time at={signal.known_at} />
              </td>
              <td className="px-3 py-2.5 whitespace-nowrap">
                <Way signal={signal} onOpen={onOpen} />{" "}
                <span className="text-faint">
                  {signal.timeframe}
                  {signal.simulated && " · simulated"}
                </span>
              </td>
              <td className="px-3 py-2.5">{signal.strategy}</td>
              <td className="px-3 py-2.5">
                <Direction direction={signal.direction} />
              </td>
              <td className={NUMBER}>{formatPrice(signal.entry, locale)}</td>
              <td className={NUMBER}>{formatPrice(signal.stop, locale)}</td>
              <td className={NUMBER}>
                {formatPrice(signal.target_1, locale)}
                {signal.target_2 != null && <> / {formatPrice(signal.target_2, locale)}</>}
              </td>
              <td className="px-3 py-2.5">
                <Result signal={signal} locale={locale} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cards({ signals, selected, onOpen }: { signals: Signal[] } & Choosing) {
  const { locale } = useReader();
  return (
    <ul className="flex flex-col gap-2 md:hidden">
      {signals.map((signal) => (
        <li
          key={signal.signal_id}
          aria-current={selected === signal.signal_id || undefined}
          onClick={onOpen && (() => onOpen(signal.signal_id))}
          className={classes(
            "rounded-lg border border-line p-3",
            onOpen && "cursor-pointer",
            selected === signal.signal_id ? SELECTED : "bg-surface",
          )}
        >
          <div className="flex items-center justify-between gap-2">
            <span>
              <Way signal={signal} onOpen={onOpen} /> <span className="text-sm text-faint">{signal.timeframe}</span>
            </span>
            <Direction direction={signal.direction} />
          </div>
          <p className="mt-1 text-sm text-soft">
            {signal.strategy} · <Time at={signal.known_at} />
            {signal.simulated && " · simulated"}
          </p>
          <dl className="numeric mt-2 grid grid-cols-3 gap-2 text-sm">
            {(
              [
                ["Entry", signal.entry],
                ["Stop", signal.stop],
                ["Target", signal.target_1],
              ] as const
            ).map(([name, price]) => (
              <div key={name}>
                <dt className="text-xs text-faint">{name}</dt>
                <dd>{formatPrice(price, locale)}</dd>
              </div>
            ))}
          </dl>
          <p className="mt-2 text-sm">
            <Result signal={signal} locale={locale} />
          </p>
        </li>
      ))}
    </ul>
  );
}
