"use client";

import Link from "next/link";
import { lazy, Suspense } from "react";
import { Button, buttonClasses } from "@/components/button";
import { Drawer } from "@/components/drawer";
import { Badge, ErrorState, Skeleton } from "@/components/states";
import { Time } from "@/components/time";
import type { Timeframe } from "@/features/market/timeframes";
import { reading } from "@/features/performance/reading";
import { WinRate } from "@/features/performance/win-rate";
import { formatCount, formatPrice, formatR } from "@/format/numbers";
import { useReader } from "@/session/reader";
import { bars, eventWords, happened, zoneWords } from "./background-words";
import { Direction, Result } from "./direction";
import { Decision, Levels, RiskSection } from "./risk-section";
import { Facts, Section } from "./section";
import { type SignalDetail, useSignal } from "./signals";

const ChartThen = lazy(() => import("./chart-then"));

interface Props {
  id: string;
  onClose: () => void;
  returnTo: () => HTMLElement | null | undefined;
}

/** One signal in full: why, what is at stake, what became of it, and how its strategy has done. */
export function SignalDrawer({ id, onClose, returnTo }: Props) {
  const found = useSignal(id);
  const signal = found.data;
  const title = signal ? (
    <span className="flex flex-wrap items-center gap-x-2">
      {signal.market.split(":")[1]} <span className="font-normal text-faint">{signal.timeframe}</span>
      <Direction direction={signal.direction} />
      {signal.simulated && <Badge>Simulated</Badge>}
    </span>
  ) : (
    "A signal"
  );
  return (
    <Drawer title={title} open onClose={onClose} returnTo={returnTo}>
      {found.isPending && (
        <div className="flex flex-col gap-3" aria-busy="true" aria-label="The signal is on its way">
          <Skeleton className="h-16" />
          <Skeleton className="h-32" />
          <Skeleton className="h-48" />
        </div>
      )}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {signal && <Whole signal={signal} retry={() => void found.refetch()} />}
    </Drawer>
  );
}

/** The chart at the instant at which the signal became known. */
function chartOf(signal: SignalDetail): string {
  const { market, timeframe, known_at: at } = signal;
  return `/market/?${new URLSearchParams({ market, timeframe, at })}`;
}

function Whole({ signal, retry }: { signal: SignalDetail; retry: () => void }) {
  const { locale } = useReader();
  return (
    <>
      <Section title="What became of it">
        <p className="text-lg font-semibold">
          <Result signal={signal} locale={locale} />
        </p>
        <p className="mt-1 text-sm text-soft">
          {signal.strategy}, known <Time at={signal.known_at} zone />,{" "}
          {signal.status === "open" ? `${bars(signal.bars_since)} ago` : `over after ${bars(signal.bars_since)}`}
        </p>
        {signal.takedown && (
          <p className="mt-2 rounded-md bg-warn-soft px-3 py-2 text-sm text-warn">
            Taken down <Time at={signal.takedown.taken_down_at} />
            {signal.takedown.reason && `: ${signal.takedown.reason}`}. It counts in every record all the same.
          </p>
        )}
        <Outcomes signal={signal} />
      </Section>
      <Section title="The chart at that moment">
        <Suspense fallback={<Skeleton className="h-72" />}>
          <ChartThen
            id={signal.signal_id}
            market={signal.market}
            timeframe={signal.timeframe as Timeframe}
            ts={signal.ts}
          />
        </Suspense>
        <Link href={chartOf(signal)} prefetch={false} className={`mt-3 ${buttonClasses("secondary", "small")}`}>
          Open it, and go on from there
        </Link>
      </Section>
      <Section title="Prices">
        <Levels signal={signal} />
      </Section>
      <RiskSection signal={signal} />
      <Why signal={signal} retry={retry} />
      <Decision signal={signal} />
      <TrackRecordSection signal={signal} />
    </>
  );
}

function Outcomes({ signal }: { signal: SignalDetail }) {
  const { locale } = useReader();
  if (!signal.outcomes.length) return null;
  return (
    <ol aria-label="What happened" className="mt-3 text-sm">
      {signal.outcomes.map((one) => (
        <li key={one.outcome} className="flex flex-wrap justify-between gap-x-4 border-t border-line py-1.5">
          <span>
            {happened(one.outcome)} <span className="text-faint">after {bars(one.bars_held)}</span>
          </span>
          <span className="numeric text-soft">
            {formatPrice(one.price, locale)} · {formatR(one.r_multiple, locale)} · <Time at={one.known_at} />
          </span>
        </li>
      ))}
    </ol>
  );
}

const FIRST_EVENTS = 5;

function Why({ signal, retry }: { signal: SignalDetail; retry: () => void }) {
  const { locale } = useReader();
  const { zone } = signal;
  const structure = signal.structure ?? [];
  return (
    <Section title="Why">
      <ul className="list-disc pl-5">
        {signal.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      {signal.background === "unavailable" && (
        <div className="mt-3 flex flex-wrap items-center justify-between gap-2 rounded-md bg-warn-soft px-3 py-2 text-sm">
          <p>Its zone, structure and risk decision cannot be read right now.</p>
          <Button size="small" onClick={retry}>
            Try again
          </Button>
        </div>
      )}
      {zone && (
        <div className="mt-3 text-sm">
          <h4 className="font-medium">Zone behind it</h4>
          <p>{zoneWords(zone, locale)}</p>
          <p className="text-soft">
            Since <Time at={zone.created_ts} />, now {zone.status}
            {zone.ended_ts && (
              <>
                {" "}
                since <Time at={zone.ended_ts} />
              </>
            )}
          </p>
        </div>
      )}
      {structure.length > 0 && (
        <div className="mt-3 text-sm">
          <h4 className="font-medium">Structure known then, newest first</h4>
          <Events events={structure.slice(0, FIRST_EVENTS)} locale={locale} />
          {structure.length > FIRST_EVENTS && (
            <details>
              <summary className="py-1 text-accent">{structure.length - FIRST_EVENTS} more</summary>
              <Events events={structure.slice(FIRST_EVENTS)} locale={locale} />
            </details>
          )}
        </div>
      )}
    </Section>
  );
}

function Events({ events, locale }: { events: NonNullable<SignalDetail["structure"]>; locale: string }) {
  return (
    <ul>
      {events.map((event) => (
        <li
          key={`${event.ts} ${event.scale} ${event.kind} ${event.direction}`}
          className="flex flex-wrap justify-between gap-x-4 py-0.5"
        >
          <span>{eventWords(event, locale)}</span>
          <span className="text-faint">
            <Time at={event.ts} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function TrackRecordSection({ signal }: { signal: SignalDetail }) {
  const { locale } = useReader();
  const record = signal.track_record;
  if (!record) return null;
  const here = new URLSearchParams({ strategy: record.strategy, market: record.market, timeframe: record.timeframe });
  return (
    <Section title={`${record.strategy} on ${record.market.split(":")[1]} ${record.timeframe}`}>
      <p className="mb-2">{reading(record)}</p>
      <Facts
        rows={[
          ["Win rate", <WinRate key="rate" record={record} />],
          ["Signals that ended", formatCount(record.sample_size, locale)],
          ["A signal, on average", formatR(record.expectancy_r, locale)],
          ["All together, before costs", formatR(record.total_r, locale)],
        ]}
      />
      <Link href={`/performance/?${here}`} className={`mt-2 ${buttonClasses("quiet", "small")} -ml-2.5`}>
        Its record over time
      </Link>
    </Section>
  );
}
