import { api, body, type Schema } from "@/api/client";
import type { Bar } from "@/chart/bars";
import type { ChartSignal } from "@/chart/layers/signals";
import type { StructureEvent } from "@/chart/layers/structure";
import type { Zone } from "@/chart/layers/zones";
import type { IndicatorColumn } from "./indicator-catalogue";
import type { Timeframe } from "./timeframes";

/** A market on a timeframe. */
export interface Chosen {
  market: string;
  timeframe: Timeframe;
}

/** A part of a history: `[start, end)` in milliseconds, open where it is not said. */
export interface Span {
  start?: number;
  end?: number;
}

export type IndicatorRow = { time: number } & Partial<Record<IndicatorColumn, number | null>>;

/** Where a chart's data come from. */
export interface Source {
  bars: (chosen: Chosen, span: Span, order: "asc" | "desc", limit: number) => Promise<Bar[]>;
  zones: (chosen: Chosen, span: Span) => Promise<Zone[]>;
  /** Zones that were there before an instant and had not ended by then. */
  zonesBefore: (chosen: Chosen, at: number) => Promise<Zone[]>;
  structure: (chosen: Chosen, span: Span) => Promise<StructureEvent[]>;
  signals: (chosen: Chosen, since: number) => Promise<ChartSignal[]>;
  indicators: (chosen: Chosen, span: Span, columns: readonly IndicatorColumn[]) => Promise<IndicatorRow[]>;
}

const PAGE = 5_000;
const SIGNALS = 200;
const instant = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString());
const at = (text: string) => Date.parse(text);
const maybe = (text: string | null) => (text === null ? null : Date.parse(text));

/** Read page after page until there is none. */
async function all<T>(page: (cursor: string | undefined) => Promise<{ items: T[]; next_cursor: string | null }>) {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const read = await page(cursor);
    items.push(...read.items);
    cursor = read.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

function range(chosen: Chosen, span: Span) {
  return { ...chosen, start: instant(span.start), end: instant(span.end) };
}

function readZone(zone: Schema<"Zone">): Zone {
  return {
    id: zone.zone_id,
    kind: zone.kind,
    side: zone.side,
    scale: zone.scale,
    top: zone.top,
    bottom: zone.bottom,
    origin: at(zone.origin_ts),
    created: at(zone.created_ts),
    touched: maybe(zone.touched_ts),
    mitigated: maybe(zone.mitigated_ts),
    ended: maybe(zone.ended_ts),
    status: zone.status,
  };
}

function readSignal(signal: Schema<"Signal">): ChartSignal {
  return {
    id: signal.signal_id,
    time: at(signal.ts),
    direction: signal.direction,
    strategy: signal.strategy,
    entry: signal.entry,
    stop: signal.stop,
    target1: signal.target_1,
    target2: signal.target_2,
    target1At: maybe(signal.target_1_ts),
    outcome: signal.outcome,
    outcomeAt: maybe(signal.outcome_ts),
    resultR: signal.result_r,
  };
}

/** The API. */
export const apiSource: Source = {
  async bars(chosen, span, order, limit) {
    const query = { ...range(chosen, span), order, limit };
    const { items } = await body(api.GET("/v1/candles", { params: { query } }));
    const bars = items.map(({ ts, open, high, low, close, volume }) => ({
      time: at(ts),
      open,
      high,
      low,
      close,
      volume,
    }));
    return order === "desc" ? bars.reverse() : bars;
  },
  async zones(chosen, span) {
    const query = { ...range(chosen, span), limit: PAGE };
    const found = await all((cursor) => body(api.GET("/v1/zones", { params: { query: { ...query, cursor } } })));
    return found.map(readZone);
  },
  async zonesBefore(chosen, before) {
    const query = { ...range(chosen, { end: before }), ended_after: instant(before), limit: PAGE };
    const found = await all((cursor) => body(api.GET("/v1/zones", { params: { query: { ...query, cursor } } })));
    return found.map(readZone);
  },
  async structure(chosen, span) {
    const query = { ...range(chosen, span), limit: PAGE };
    const found = await all((cursor) => body(api.GET("/v1/structure", { params: { query: { ...query, cursor } } })));
    return found.map(({ ts, scale, kind, direction, level, origin_ts, label }) => ({
      time: at(ts),
      scale,
      kind,
      direction,
      level,
      origin: at(origin_ts),
      label,
    }));
  },
  async signals(chosen, since) {
    const query = { ...chosen, since: instant(since), limit: SIGNALS };
    const found = await all((cursor) => body(api.GET("/v1/signals", { params: { query: { ...query, cursor } } })));
    return found.map(readSignal);
  },
  async indicators(chosen, span, columns) {
    if (columns.length === 0) return [];
    const query = { ...range(chosen, span), column: [...columns], limit: PAGE };
    const found = await all((cursor) => body(api.GET("/v1/indicators", { params: { query: { ...query, cursor } } })));
    return found.map(({ ts, ...values }) => ({ time: at(ts), ...values }));
  },
};
