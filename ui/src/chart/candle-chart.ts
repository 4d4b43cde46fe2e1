import {
  CandlestickSeries,
  ColorType,
  createChart,
  CrosshairMode,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  LineSeries,
  type Logical,
  type LogicalRange,
  TickMarkType,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { formatPrice, priceDigits } from "@/format/numbers";
import { formatDayAndMonth, formatMinute, formatMonth, formatTime, formatYear } from "@/format/times";
import { type Bar, indexAt } from "./bars";
import { faded, type Palette } from "./palette";
import type { Shape } from "./shapes";
import { ShapePrimitive } from "./shape-primitive";

/** One curve of an indicator: a value a bar, null where there is none. */
export interface Curve {
  id: string;
  values: readonly (number | null)[];
  tone: number;
  /** 0 is the pane of the candles. */
  pane: number;
  look: "line" | "dotted" | "histogram" | "points";
}

/** What the pointer is over: a place among the bars (outside of them too) and a price. */
export interface Pointed {
  index: number;
  price: number;
}

export interface ChartEvents {
  onPoint: (pointed: Pointed | null) => void;
  onRange: (first: number, last: number) => void;
}

const seconds = (time: number) => (time / 1000) as UTCTimestamp;
const FRESH_BARS = 140;

/** Candles with volume, shapes and curves. It holds no data of its own but what is on the screen. */
export class CandleChart {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volume: ISeriesApi<"Histogram">;
  private readonly below = new ShapePrimitive("bottom");
  private readonly above = new ShapePrimitive("top");
  private readonly curves = new Map<string, ISeriesApi<"Line"> | ISeriesApi<"Histogram">>();
  private arranged = "";
  private bars: readonly Bar[] = [];
  private palette: Palette;

  constructor(host: HTMLElement, palette: Palette, events: ChartEvents) {
    this.palette = palette;
    this.chart = createChart(host, {
      autoSize: true,
      layout: { attributionLogo: true, fontFamily: '"Inter Variable", system-ui, sans-serif', fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 8, minBarSpacing: 0.4, barSpacing: 8 },
      rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.2 }, minimumWidth: 72 },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, { priceLineVisible: true, lastValueVisible: true });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      priceLineVisible: false,
      lastValueVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    this.candles.attachPrimitive(this.below);
    this.candles.attachPrimitive(this.above);
    this.setPalette(palette);
    this.chart.subscribeCrosshairMove(({ point, logical, paneIndex }) => {
      const price = point === undefined || (paneIndex ?? 0) > 0 ? null : this.candles.coordinateToPrice(point.y);
      events.onPoint(logical === undefined || price === null ? null : { index: Math.round(logical), price });
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range) events.onRange(range.from, range.to);
    });
  }

  setPalette(palette: Palette): void {
    this.palette = palette;
    const { up, down } = palette.tones;
    this.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: palette.background },
        textColor: palette.text,
        panes: { separatorColor: palette.line, separatorHoverColor: palette.line },
      },
      grid: { vertLines: { color: faded(palette.line, 0.55) }, horzLines: { color: faded(palette.line, 0.55) } },
      timeScale: { borderColor: palette.line },
      rightPriceScale: { borderColor: palette.line },
    });
    // Up is hollow, down is filled: colour is not the only carrier.
    this.candles.applyOptions({
      upColor: palette.background,
      downColor: down,
      borderUpColor: up,
      borderDownColor: down,
      wickUpColor: up,
      wickDownColor: down,
      priceLineColor: palette.faint,
    });
    this.volume.setData(this.bars.map((bar) => this.volumeOf(bar)));
  }

  /** Times are told in a zone, prices with the digits that their size asks for. */
  setReader(zone: string, locale: string): void {
    const digits = priceDigits(this.bars.at(-1)?.close ?? 1);
    this.chart.applyOptions({
      localization: {
        locale,
        timeFormatter: (time: Time) => formatTime((time as number) * 1000, zone),
        priceFormatter: (price: number) => formatPrice(price, locale, digits),
      },
      timeScale: {
        tickMarkFormatter: (time: Time, kind: TickMarkType) => {
          const at = (time as number) * 1000;
          if (kind === TickMarkType.Year) return formatYear(at, zone);
          if (kind === TickMarkType.Month) return formatMonth(at, zone);
          return kind === TickMarkType.DayOfMonth ? formatDayAndMonth(at, zone) : formatMinute(at, zone);
        },
      },
    });
    this.candles.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
  }

  /**
   * Show these bars. One bar more than before is added to what stands; with anything else the picture keeps the instant
   * that it shows, however many bars come in before it.
   */
  setBars(bars: readonly Bar[]): void {
    const held = this.bars;
    this.bars = bars;
    const added = bars.at(-1);
    if (added && bars.length === held.length + 1 && bars[0] === held[0] && bars.at(-2) === held.at(-1)) {
      this.candles.update({ ...added, time: seconds(added.time) });
      this.volume.update(this.volumeOf(added));
      return;
    }
    const range = this.chart.timeScale().getVisibleLogicalRange();
    this.candles.setData(bars.map((bar) => ({ ...bar, time: seconds(bar.time) })));
    this.volume.setData(bars.map((bar) => this.volumeOf(bar)));
    const anchor = held[0];
    if (range && anchor) {
      const moved = indexAt(bars, anchor.time);
      if (moved > 0) this.setRange({ from: range.from + moved, to: range.to + moved });
    }
  }

  setShapes(shapes: readonly Shape[]): void {
    this.below.show(
      shapes.filter((shape) => shape.kind === "box"),
      this.palette,
    );
    this.above.show(
      shapes.filter((shape) => shape.kind !== "box"),
      this.palette,
    );
  }

  setCurves(curves: readonly Curve[]): void {
    // A pane that loses its last curve is gone, and those below it get other numbers: with another choice all begin anew.
    const arranged = curves.map(({ id, pane }) => `${id}@${pane}`).join(" ");
    if (arranged !== this.arranged) {
      for (const series of this.curves.values()) this.chart.removeSeries(series);
      this.curves.clear();
      this.arranged = arranged;
    }
    for (const curve of curves) {
      const series = this.curves.get(curve.id) ?? this.addCurve(curve);
      const color = this.palette.series[curve.tone % this.palette.series.length] ?? this.palette.text;
      series.applyOptions({ color });
      series.setData(
        this.bars.map((bar, index) => {
          const value = curve.values[index] ?? null;
          return value === null ? { time: seconds(bar.time) } : { time: seconds(bar.time), value };
        }),
      );
    }
    const panes = this.chart.panes();
    panes[0]?.setStretchFactor(3);
    for (const pane of panes.slice(1)) pane.setStretchFactor(0.8);
  }

  private addCurve(curve: Curve): ISeriesApi<"Line"> | ISeriesApi<"Histogram"> {
    const quiet = { priceLineVisible: false, lastValueVisible: curve.pane > 0, crosshairMarkerVisible: false };
    const series =
      curve.look === "histogram"
        ? this.chart.addSeries(HistogramSeries, quiet, curve.pane)
        : this.chart.addSeries(
            LineSeries,
            {
              ...quiet,
              lineWidth: 1,
              lineStyle: curve.look === "dotted" ? 1 : 0,
              lineVisible: curve.look !== "points",
              pointMarkersVisible: curve.look === "points",
              pointMarkersRadius: 1.5,
            },
            curve.pane,
          );
    this.curves.set(curve.id, series);
    return series;
  }

  private volumeOf(bar: Bar) {
    const { up, down } = this.palette.tones;
    return { time: seconds(bar.time), value: bar.volume, color: faded(bar.close >= bar.open ? up : down, 0.35) };
  }

  /** Show the newest bars. */
  showNewest(): void {
    const last = this.bars.length - 1;
    this.setRange({ from: last - FRESH_BARS, to: last + 8 });
  }

  /** Show the bars around a place. */
  showAround(index: number): void {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const half = range ? Math.min(400, (range.to - range.from) / 2) : FRESH_BARS / 2;
    this.setRange({ from: index - half, to: index + half });
  }

  /** Move so far that a place is in sight, if it is not. */
  keepInSight(index: number): void {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range || (index <= range.to - 2 && index >= range.from)) return;
    const width = range.to - range.from;
    this.setRange({ from: index - width * 0.8, to: index + width * 0.2 });
  }

  /** Move by bars; zoom by a factor around the middle. */
  pan(bars: number): void {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (range) this.setRange({ from: range.from + bars, to: range.to + bars });
  }

  zoom(factor: number): void {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return;
    const width = Math.max(5, (range.to - range.from) * factor);
    this.setRange({ from: range.to - width, to: range.to });
  }

  private setRange(range: { from: number; to: number }): void {
    this.chart.timeScale().setVisibleLogicalRange(range as LogicalRange);
  }

  /** Pixel of a price, from the top of the candles' pane; null if there are no bars. */
  priceToY(price: number): number | null {
    return this.candles.priceToCoordinate(price);
  }

  /** Price of a pixel. */
  yToPrice(y: number): number | null {
    return this.candles.coordinateToPrice(y);
  }

  /** Pixel of a place among the bars. */
  indexToX(index: number): number | null {
    return this.chart.timeScale().logicalToCoordinate(index as Logical);
  }

  destroy(): void {
    this.chart.remove();
  }
}
