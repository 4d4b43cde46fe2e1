"use client";

import { AreaSeries, BaselineSeries, createChart, type IChartApi, type UTCTimestamp } from "lightweight-charts";
import { useEffect, useRef } from "react";
import { formatR } from "@/format/numbers";
import { formatDay, formatTime } from "@/format/times";
import type { Drawn } from "@/features/performance/curve";
import { useTheme } from "@/session/theme";

interface Props {
  points: readonly Drawn[];
  zone: string;
  locale: string;
  label: string;
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    text: of("--text-soft"),
    line: of("--line"),
    strong: of("--line-strong"),
    up: of("--up"),
    down: of("--down"),
    raised: of("--text-faint"),
  };
}

/** A colour given as #rrggbb, let through by this much. */
function thin(colour: string, alpha: string): string {
  return `${colour}${alpha}`;
}

function draw(chart: IChartApi, points: readonly Drawn[], locale: string): void {
  const { up, down } = colours();
  const price = {
    type: "custom" as const,
    minMove: 0.01,
    formatter: (value: number) => formatR(value, locale),
  };
  const sum = chart.addSeries(BaselineSeries, {
    baseValue: { type: "price", price: 0 },
    topLineColor: up,
    topFillColor1: thin(up, "40"),
    topFillColor2: thin(up, "08"),
    bottomLineColor: down,
    bottomFillColor1: thin(down, "08"),
    bottomFillColor2: thin(down, "40"),
    lineWidth: 2,
    priceFormat: price,
    title: "Sum",
  });
  const fall = chart.addSeries(
    AreaSeries,
    {
      lineColor: down,
      topColor: thin(down, "08"),
      bottomColor: thin(down, "40"),
      invertFilledArea: true,
      lineWidth: 1,
      priceFormat: price,
      title: "Drawdown",
    },
    1,
  );
  sum.setData(points.map((one) => ({ time: one.time as UTCTimestamp, value: one.cumulative })));
  fall.setData(points.map((one) => ({ time: one.time as UTCTimestamp, value: one.drawdown })));
  chart.panes()[0]?.setStretchFactor(7);
  chart.panes()[1]?.setStretchFactor(3);
  chart.timeScale().fitContent();
}

/** The sum of results over the ends of signals, and below it how far it was under its highest. */
export default function RecordChart({ points, zone, locale, label }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const { theme } = useTheme();
  useEffect(() => {
    if (!place.current) return undefined;
    const { text, line, strong, raised } = colours();
    const at = (time: unknown) => Number(time) * 1000;
    const chart = createChart(place.current, {
      autoSize: true,
      layout: {
        background: { color: "transparent" },
        textColor: text,
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 11,
        panes: { separatorColor: strong, separatorHoverColor: line },
      },
      grid: { vertLines: { visible: false }, horzLines: { color: line } },
      crosshair: { vertLine: { labelBackgroundColor: raised }, horzLine: { labelBackgroundColor: raised } },
      rightPriceScale: { borderVisible: false },
      timeScale: {
        borderColor: line,
        timeVisible: true,
        tickMarkFormatter: (time: unknown) => formatDay(at(time), zone),
      },
      localization: { timeFormatter: (time: unknown) => formatTime(at(time), zone) },
      // The page scrolls over the chart; pinching and dragging are the chart's.
      handleScroll: { mouseWheel: false, vertTouchDrag: false },
      handleScale: { mouseWheel: false },
    });
    draw(chart, points, locale);
    return () => chart.remove();
  }, [points, zone, locale, theme]);
  return <div ref={place} role="figure" aria-label={label} className="h-80 w-full overflow-hidden" />;
}
