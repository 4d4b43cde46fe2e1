"use client";

import {
  BaselineSeries,
  ColorType,
  createChart,
  type IChartApi,
  LineSeries,
  LineStyle,
  TickMarkType,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useRef } from "react";
import { formatChange } from "@/format/numbers";
import { formatTime } from "@/format/times";
import { useTheme } from "@/session/theme";
import { type EquityLine, lookOf, pointsOf } from "./equity-lines";

const STYLES = {
  solid: LineStyle.Solid,
  dashed: LineStyle.Dashed,
  dotted: LineStyle.Dotted,
  long: LineStyle.LargeDashed,
} as const;

interface Props {
  lines: readonly EquityLine[];
  /** Distance to the highest equity so far of the first line, drawn below. */
  drawdown?: EquityLine | undefined;
  /** Whether values are changes, not amounts. */
  relative?: boolean;
  zone: string;
  locale: string;
}

const TICKS: Record<TickMarkType, Intl.DateTimeFormatOptions> = {
  [TickMarkType.Year]: { year: "numeric" },
  [TickMarkType.Month]: { month: "short" },
  [TickMarkType.DayOfMonth]: { day: "numeric", month: "short" },
  [TickMarkType.Time]: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  [TickMarkType.TimeWithSeconds]: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};

function tick(at: number, mark: TickMarkType, zone: string): string {
  return new Intl.DateTimeFormat("en-GB", { ...TICKS[mark], timeZone: zone }).format(at);
}

function draw(holder: HTMLElement, { lines, drawdown, relative, zone, locale }: Props): IChartApi {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string) => styles.getPropertyValue(name).trim();
  const seconds = (time: Time) => Number(time) * 1000;
  const amount = (value: number) => value.toLocaleString(locale, { maximumFractionDigits: value >= 1000 ? 0 : 2 });
  const percent = (value: number) => formatChange(value, locale);
  const chart = createChart(holder, {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: colour("--surface") },
      textColor: colour("--text-soft"),
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 12,
      panes: { separatorColor: colour("--line"), separatorHoverColor: colour("--line-strong") },
    },
    grid: { vertLines: { visible: false }, horzLines: { color: colour("--line") } },
    rightPriceScale: { borderColor: colour("--line") },
    timeScale: {
      borderColor: colour("--line"),
      timeVisible: true,
      minBarSpacing: 0.05,
      tickMarkFormatter: (time: Time, mark: TickMarkType) => tick(seconds(time), mark, zone),
    },
    crosshair: { vertLine: { color: colour("--line-strong") }, horzLine: { color: colour("--line-strong") } },
    localization: { timeFormatter: (time: Time) => formatTime(seconds(time), zone) },
    // The page scrolls under a finger or a wheel; the chart is whole as it is.
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
    handleScale: { mouseWheel: false },
  });
  const points = (line: EquityLine) =>
    pointsOf(line.ts, line.values).map(({ time, value }) => ({ time: time as UTCTimestamp, value }));
  const format = { type: "custom", formatter: relative ? percent : amount, minMove: relative ? 0.0001 : 0.01 } as const;
  lines.forEach((line, index) => {
    const look = lookOf(index);
    const series = chart.addSeries(LineSeries, {
      color: colour(look.colour),
      lineStyle: STYLES[look.style],
      lineWidth: 2,
      priceLineVisible: false,
      lastValueVisible: lines.length < 3,
      priceFormat: format,
    });
    series.setData(points(line));
  });
  if (drawdown) {
    const series = chart.addSeries(
      BaselineSeries,
      {
        baseValue: { type: "price", price: 0 },
        topLineColor: colour("--down"),
        bottomLineColor: colour("--down"),
        bottomFillColor1: colour("--down-soft"),
        bottomFillColor2: colour("--down-soft"),
        lineWidth: 1,
        priceLineVisible: false,
        lastValueVisible: false,
        priceFormat: { type: "custom", formatter: percent, minMove: 0.0001 },
      },
      1,
    );
    series.setData(points(drawdown));
    series.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.12 } });
    const [above, below] = chart.panes();
    above?.setStretchFactor(3);
    below?.setStretchFactor(1);
  }
  chart.timeScale().fitContent();
  // It lays its panes out with a table, which has no rows to read.
  holder.querySelector("table")?.setAttribute("role", "presentation");
  return chart;
}

/** Equity over time. What it shows has to be said in words or numbers beside it too. */
export function EquityChart(props: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const { theme } = useTheme();
  const { lines, drawdown, relative, zone, locale } = props;
  useEffect(() => {
    if (!holder.current) return;
    const chart = draw(holder.current, { lines, drawdown, relative: relative ?? false, zone, locale });
    return () => chart.remove();
    // The theme is read from the document when it is drawn.
  }, [lines, drawdown, relative, zone, locale, theme]);
  return <div ref={holder} data-testid="equity-chart" className="h-80 w-full md:h-96" />;
}
