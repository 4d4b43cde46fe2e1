"use client";

import { useRouter } from "next/navigation";
import { useCallback, useDeferredValue, useEffect, useMemo, useState } from "react";
import type { CandleChart } from "@/chart/candle-chart";
import { indexAt } from "@/chart/bars";
import { ErrorState } from "@/components/states";
import { priceDigits } from "@/format/numbers";
import { useChoice } from "@/session/choice";
import { AroundThePrice } from "./around-the-price";
import { ChartPanel } from "./chart-panel";
import { type Choice, FIRST_CHOICE, shapesOf } from "./layer-choice";
import { Legend } from "./legend";
import { LastBar } from "./last-bar";
import { countUntil } from "./market-history";
import { type Market, timeframesOf } from "./markets";
import { Pointer } from "./pointer";
import { beginReplay, type Replay, stepReplay } from "./replay";
import { ReplayBar } from "./replay-bar";
import { lengthOf, type Timeframe, typedTimeframe } from "./timeframes";
import { Toolbar } from "./toolbar";
import { useFollowing } from "./use-following";
import { useHistory } from "./use-history";
import { useKeys } from "./use-keys";
import { WatchlistPanel } from "./watchlist-panel";

interface Props {
  markets: readonly Market[];
  market: Market;
  timeframe: Timeframe;
  /** Instant that the address asks for. */
  at: number | undefined;
  /** Market that the address asks for, if there is no such one. */
  missing: string | null;
  onGo: (market: string, timeframe: Timeframe, at?: number) => void;
}

/** One market on one timeframe. */
export function MarketView({ markets, market, timeframe, at, missing, onGo }: Props) {
  const router = useRouter();
  const [choice, setChoice] = useChoice<Choice>("market.layers", FIRST_CHOICE);
  const [indicators, setIndicators] = useChoice<string[]>("market.indicators", []);
  const [replay, setReplay] = useState<Replay | null>(null);
  const [chart, setChart] = useState<CandleChart | null>(null);
  const [dateAsked, setDateAsked] = useState(false);
  const [typed, setTyped] = useState("");
  const [pointer] = useState(() => new Pointer());
  const { history, held } = useHistory(market.market, timeframe, at, indicators);
  const following = useFollowing(history, market.market, timeframe);
  const length = lengthOf(timeframe);
  // What was pressed is answered at once; the chart, which takes longer with a long history, follows.
  const until = useDeferredValue(replay?.until ?? null);
  const drawn = useDeferredValue(choice);

  const bars = useMemo(() => {
    const count = countUntil(held.bars, until);
    return count === held.bars.length ? held.bars : held.bars.slice(0, count);
  }, [held.bars, until]);
  const { zones, structure, signals } = held;
  const shapes = useMemo(
    () => shapesOf(bars, length, { zones: zones.values(), structure, signals: signals.values() }, drawn),
    [bars, length, zones, structure, signals, drawn],
  );
  const shownZones = useMemo(
    () =>
      [...zones.values()].filter(
        ({ kind, scale }) =>
          drawn.layers.includes(kind) && (scale === null || kind === "liquidity" || drawn.scales.includes(scale)),
      ),
    [zones, drawn],
  );

  // Where the address asks for an instant, the chart goes there as soon as its bars are in.
  const opened = at !== undefined && held.bars.length > 0 && !held.busy;
  useEffect(() => {
    if (chart && opened) chart.showAround(indexAt(history.read().bars, at));
  }, [chart, opened, history, at]);

  const step = useCallback(
    (steps: number) => {
      setReplay((now) => {
        const next = now && stepReplay(now, history.read().bars, steps);
        if (next) chart?.keepInSight(indexAt(history.read().bars, next.until));
        return next;
      });
    },
    [history, chart],
  );
  const toggleReplay = () => {
    if (replay) {
      setReplay(null);
      return;
    }
    const pointed = pointer.read();
    const from = (pointed && held.bars[pointed.index]?.time) ?? held.bars[Math.max(0, held.bars.length - 60)]?.time;
    setReplay(beginReplay(held.bars, at ?? from));
  };
  const timeframes = timeframesOf(market);
  const choose = (one: Timeframe) => onGo(market.market, one, replay?.until);
  const showNewest = () => {
    if (held.hasNewer) onGo(market.market, timeframe);
    else chart?.showNewest();
  };
  const makeAlert = () => {
    const price = pointer.read()?.price ?? held.bars.at(-1)?.close;
    const asked = new URLSearchParams({ new: "price", market: market.market, timeframe });
    if (price !== undefined) asked.set("level", price.toFixed(priceDigits(price)));
    router.push(`/alerts/?${asked}`);
  };
  useKeys({
    onStep: (steps) => (replay ? step(steps) : chart?.pan(steps * 10)),
    onZoom: (factor) => chart?.zoom(factor),
    onNewest: showNewest,
    onPlay: () => setReplay((now) => now && { ...now, playing: !now.playing }),
    onReplay: toggleReplay,
    onGoTo: () => setDateAsked(true),
    onAlert: makeAlert,
    onMarket: (steps) => {
      const next = markets[(markets.indexOf(market) + steps + markets.length) % markets.length];
      if (next) onGo(next.market, timeframe);
    },
    onTyped: (text, done) => {
      setTyped(done ? "" : text);
      const meant = typedTimeframe(text);
      if (done && meant && timeframes.includes(meant)) choose(meant);
    },
  });

  return (
    <div className="flex flex-col gap-3">
      <h1 className="sr-only">
        {market.symbol}, {timeframe}
      </h1>
      {missing && (
        <p role="alert">
          There is no market {missing} here; this is {market.market}.
        </p>
      )}
      <Toolbar
        markets={markets}
        market={market}
        onMarket={(name) => onGo(name, timeframe)}
        timeframes={timeframes}
        timeframe={timeframe}
        onTimeframe={choose}
        indicators={indicators}
        onIndicators={setIndicators}
        choice={choice}
        onChoice={setChoice}
        dateAsked={dateAsked}
        onDateAsked={setDateAsked}
        onGo={(instant) => onGo(market.market, timeframe, instant)}
        replaying={replay !== null}
        canReplay={held.bars.length > 1}
        onReplay={toggleReplay}
        onAlert={makeAlert}
      >
        <LastBar bars={held.bars} length={length} following={following} onNewest={showNewest} />
      </Toolbar>
      {held.error !== null && <ErrorState error={held.error} retry={() => void history.open(at)} />}
      <div className="grid gap-3 xl:grid-cols-[1fr_18.5rem]">
        <div className="flex h-[66dvh] min-h-112 min-w-0 flex-col gap-2 xl:h-[calc(100dvh-9.5rem)]">
          {replay && <ReplayBar replay={replay} length={length} onStep={step} onChange={setReplay} />}
          <div className="relative min-h-0 flex-1 overflow-hidden rounded-lg border border-line bg-surface">
            <ChartPanel
              history={history}
              held={held}
              bars={bars}
              shapes={shapes}
              indicators={indicators}
              pointer={pointer}
              label={`Chart of ${market.symbol}, ${timeframe}: ${bars.length} bars with ${shownZones.length} zones. Its content is told in words beside it.`}
              onChart={setChart}
            />
            <Legend
              pointer={pointer}
              held={held}
              bars={bars}
              length={length}
              zones={shownZones}
              indicators={indicators}
            />
            {held.bars.length === 0 && held.busy && (
              <div aria-hidden className="absolute inset-0 animate-pulse bg-sunken" />
            )}
            {typed && (
              <p
                role="status"
                className="absolute inset-x-0 top-1/3 z-10 mx-auto w-fit rounded-lg border border-line bg-raised px-6 py-3 text-2xl font-semibold shadow-raised"
              >
                {typedTimeframe(typed) ?? typed}
              </p>
            )}
          </div>
        </div>
        <aside aria-label="Beside the chart" className="grid content-start gap-3 md:grid-cols-3 xl:grid-cols-1">
          <WatchlistPanel chosen={market.market} timeframe={timeframe} shortest={timeframes[0] ?? timeframe} />
          <AroundThePrice bars={bars} length={length} zones={shownZones} signals={signals} />
        </aside>
      </div>
    </div>
  );
}
