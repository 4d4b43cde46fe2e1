"use client";

import { memo, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { CandleChart, Curve } from "@/chart/candle-chart";
import { readPalette } from "@/chart/palette";
import type { Bar } from "@/chart/bars";
import type { Shape } from "@/chart/shapes";
import { useReader } from "@/session/reader";
import { useTheme } from "@/session/theme";
import { INDICATORS } from "./indicator-catalogue";
import { type Held, type MarketHistory, valuesOf } from "./market-history";
import type { Pointer } from "./pointer";

/** Bars before the edge at which more of the history is read. */
const AHEAD = 150;

interface Props {
  history: MarketHistory;
  held: Held;
  bars: readonly Bar[];
  shapes: readonly Shape[];
  indicators: readonly string[];
  pointer: Pointer;
  label: string;
  onChart: (chart: CandleChart | null) => void;
}

function curvesOf(held: Held, indicators: readonly string[], count: number): Curve[] {
  let pane = 0;
  let tone = 0;
  return INDICATORS.filter(({ id }) => indicators.includes(id)).flatMap(({ columns, where, looks }) => {
    if (where === "pane") pane += 1;
    return columns.map((column) => ({
      id: column,
      values: valuesOf(held, column, count),
      tone: tone++,
      pane: where === "pane" ? pane : 0,
      look: looks?.[column] ?? ("line" as const),
    }));
  });
}

/** The chart, and what keeps it and the history in step. */
export const ChartPanel = memo(function ChartPanel({
  history,
  held,
  bars,
  shapes,
  indicators,
  pointer,
  label,
  onChart,
}: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<CandleChart | null>(null);
  // The page changes its colours first, the chart after it.
  const theme = useDeferredValue(useTheme().theme);
  const { zone, locale } = useReader();

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    let made: CandleChart | undefined;
    let over = false;
    void import("@/chart/candle-chart").then((loaded) => {
      if (over) return;
      made = new loaded.CandleChart(element, readPalette(element), {
        onPoint: pointer.set,
        onRange: (first, last) => {
          const { bars: all, hasOlder, hasNewer } = history.read();
          if (hasOlder && first < AHEAD) void history.older();
          if (hasNewer && last > all.length - AHEAD) void history.newer();
        },
      });
      // For looking at from outside: which pixel a price has, and which price a pixel.
      Object.assign(element, { chart: made });
      setChart(made);
      onChart(made);
    });
    return () => {
      over = true;
      made?.destroy();
      setChart(null);
      onChart(null);
    };
  }, [history, pointer, onChart]);

  // The order counts: bars before what is drawn on them.
  const shown = useRef<CandleChart | null>(null);
  useEffect(() => {
    if (!chart) return;
    chart.setBars(bars);
    if (shown.current !== chart && bars.length > 0) {
      shown.current = chart;
      chart.showNewest();
    }
  }, [chart, bars]);
  const priced = bars.length > 0;
  useEffect(() => {
    if (priced) chart?.setReader(zone, locale);
  }, [chart, priced, zone, locale]);
  const coloured = useRef(theme);
  useEffect(() => {
    if (!chart || !host.current || coloured.current === theme) return;
    coloured.current = theme;
    chart.setPalette(readPalette(host.current));
  }, [chart, theme]);
  useEffect(() => {
    chart?.setShapes(shapes);
  }, [chart, shapes, theme]);
  const curves = useMemo(() => curvesOf(held, indicators, bars.length), [held, indicators, bars.length]);
  useEffect(() => {
    chart?.setCurves(curves);
  }, [chart, curves, theme]);

  return <div ref={host} role="figure" aria-label={label} data-chart className="absolute inset-0" />;
});
