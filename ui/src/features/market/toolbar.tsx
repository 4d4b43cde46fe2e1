"use client";

import { Bell, CalendarSearch, ChartSpline, ChevronDown, History, Layers3, type LucideIcon } from "lucide-react";
import { lazy, type ReactNode } from "react";
import { Button, buttonClasses } from "@/components/button";
import { classes } from "@/components/classes";
import { OnDemand } from "@/components/on-demand";
import { Badge } from "@/components/states";
import type { Choice } from "./layer-choice";
import { MARKET_BUTTON } from "./market-button";
import type { Market } from "./markets";
import type { Timeframe } from "./timeframes";

const IndicatorMenu = lazy(async () => ({ default: (await import("./toolbar-menus")).IndicatorMenu }));
const LayerMenu = lazy(async () => ({ default: (await import("./toolbar-menus")).LayerMenu }));
const GoToDate = lazy(async () => ({ default: (await import("./toolbar-menus")).GoToDate }));
const MarketSwitch = lazy(() => import("./market-switch"));

const SMALL = buttonClasses("secondary", "small");

function face(Icon: LucideIcon, word: string, more?: ReactNode) {
  return (
    <>
      <Icon size={16} aria-hidden />
      <span className="hidden sm:inline">{word}</span>
      {more}
      <ChevronDown size={14} aria-hidden />
    </>
  );
}

interface Props {
  markets: readonly Market[];
  market: Market;
  onMarket: (market: string) => void;
  timeframes: readonly Timeframe[];
  timeframe: Timeframe;
  onTimeframe: (timeframe: Timeframe) => void;
  indicators: readonly string[];
  onIndicators: (ids: string[]) => void;
  choice: Choice;
  onChoice: (choice: Choice) => void;
  dateAsked: boolean;
  onDateAsked: (asked: boolean) => void;
  onGo: (at: number) => void;
  replaying: boolean;
  canReplay: boolean;
  onReplay: () => void;
  onAlert: () => void;
  children: ReactNode;
}

/** What is shown, and how. */
export function Toolbar(props: Props) {
  const { market, timeframe, indicators, dateAsked } = props;
  const stored = market.timeframes.find((one) => one.timeframe === timeframe);
  const marketFace = (
    <>
      {market.symbol}
      <ChevronDown size={16} aria-hidden className="text-faint" />
    </>
  );
  const count = indicators.length ? <span className="numeric text-faint">{indicators.length}</span> : null;
  const indicatorFace = face(ChartSpline, "Indicators", count);
  const layerFace = face(Layers3, "Layers");
  const dateFace = face(CalendarSearch, "Go to");
  return (
    <div className="flex flex-wrap items-center gap-2">
      <OnDemand label={`Market ${market.symbol}, choose another`} className={MARKET_BUTTON} face={marketFace}>
        <MarketSwitch face={marketFace} markets={props.markets} chosen={market} onChoose={props.onMarket} />
      </OnDemand>
      {market.simulated && <Badge tone="warn">Simulated</Badge>}
      <TimeframeSwitch timeframes={props.timeframes} chosen={timeframe} onChoose={props.onTimeframe} />
      <OnDemand label="Indicators" className={SMALL} face={indicatorFace}>
        <IndicatorMenu face={indicatorFace} chosen={indicators} onChoose={props.onIndicators} />
      </OnDemand>
      <OnDemand label="Layers" className={SMALL} face={layerFace}>
        <LayerMenu face={layerFace} choice={props.choice} onChoose={props.onChoice} />
      </OnDemand>
      <OnDemand
        label="Go to a date"
        className={SMALL}
        face={dateFace}
        asked={dateAsked}
        onAsk={() => props.onDateAsked(true)}
      >
        <GoToDate
          face={dateFace}
          open={dateAsked}
          onOpenChange={props.onDateAsked}
          first={Date.parse(stored?.first_bar ?? "")}
          last={Date.parse(stored?.last_bar ?? "")}
          onGo={props.onGo}
        />
      </OnDemand>
      <Button
        size="small"
        kind={props.replaying ? "primary" : "secondary"}
        aria-label="Replay"
        aria-pressed={props.replaying}
        disabled={!props.canReplay}
        onClick={props.onReplay}
      >
        <History size={16} aria-hidden />
        <span className="hidden sm:inline">Replay</span>
      </Button>
      <Button size="small" aria-label="Make an alert at this price" onClick={props.onAlert}>
        <Bell size={16} aria-hidden />
        <span className="hidden sm:inline">Alert</span>
      </Button>
      {props.children}
    </div>
  );
}

function TimeframeSwitch({
  timeframes,
  chosen,
  onChoose,
}: {
  timeframes: readonly Timeframe[];
  chosen: Timeframe;
  onChoose: (timeframe: Timeframe) => void;
}) {
  return (
    <div role="group" aria-label="Timeframe" className="flex rounded-md border border-line bg-surface p-0.5">
      {timeframes.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={one === chosen}
          onClick={() => onChoose(one)}
          className={classes(
            "numeric h-7 min-w-9 rounded px-2 text-sm font-medium",
            one === chosen ? "bg-accent-soft text-accent" : "text-soft hover:bg-sunken hover:text-text",
          )}
        >
          {one}
        </button>
      ))}
    </div>
  );
}
