import { type Bar, indexAt, mergeBars } from "@/chart/bars";
import type { ChartSignal } from "@/chart/layers/signals";
import type { StructureEvent } from "@/chart/layers/structure";
import type { Zone } from "@/chart/layers/zones";
import type { IndicatorColumn } from "./indicator-catalogue";
import type { Chosen, IndicatorRow, Source, Span } from "./source";

/** Bars of the first look, and of each step further back. */
export const FIRST_BARS = 1_000;
export const MORE_BARS = 3_000;
/** Bars after an instant that somebody goes to. */
const BARS_AFTER = 300;
/** Bars whose zones and structure are read again when a new one arrives: these are computed a little after it. */
const AGAIN_BARS = 3;

/** What is held of a market's history. Never changed: whatever comes in makes another one. */
export interface Held {
  bars: readonly Bar[];
  zones: ReadonlyMap<string, Zone>;
  /** In the order in which it became known. */
  structure: readonly StructureEvent[];
  signals: ReadonlyMap<string, ChartSignal>;
  indicators: ReadonlyMap<number, IndicatorRow>;
  hasOlder: boolean;
  hasNewer: boolean;
  busy: boolean;
  error: unknown;
}

const NOTHING: Held = {
  bars: [],
  zones: new Map(),
  structure: [],
  signals: new Map(),
  indicators: new Map(),
  hasOlder: true,
  hasNewer: false,
  busy: true,
  error: null,
};

function keyOf(event: StructureEvent): string {
  return `${event.time}|${event.scale}|${event.kind}|${event.direction}|${event.level}`;
}

/** Put events into events: each once, in the order of time. */
export function mergeEvents(held: readonly StructureEvent[], incoming: readonly StructureEvent[]) {
  const known = new Set(held.map(keyOf));
  const added = incoming.filter((event) => !known.has(keyOf(event)));
  return added.length ? [...held, ...added].sort((one, other) => one.time - other.time) : held;
}

function mergeById<T extends { id: string }>(held: ReadonlyMap<string, T>, incoming: readonly T[]) {
  if (incoming.length === 0) return held;
  const merged = new Map(held);
  for (const one of incoming) merged.set(one.id, one);
  return merged;
}

function mergeRows(held: ReadonlyMap<number, IndicatorRow>, incoming: readonly IndicatorRow[]) {
  if (incoming.length === 0) return held;
  const merged = new Map(held);
  for (const row of incoming) merged.set(row.time, { ...merged.get(row.time), ...row });
  return merged;
}

/**
 * The history of one market on one timeframe, read in parts as it is looked at, and followed as bars close. One thing is
 * read at a time, so that no answer overtakes another.
 */
export class MarketHistory {
  private held = NOTHING;
  private columns: readonly IndicatorColumn[] = [];
  private readonly listeners = new Set<() => void>();
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly source: Source,
    private readonly chosen: Chosen,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly read = (): Held => this.held;

  /** Read the newest bars, or those around an instant. What was held is given up. */
  open(at?: number): Promise<void> {
    return this.inTurn(async () => {
      const { source, chosen } = this;
      const [before, after] = await Promise.all([
        source.bars(chosen, at === undefined ? {} : { end: at }, "desc", FIRST_BARS),
        at === undefined ? [] : source.bars(chosen, { start: at }, "asc", BARS_AFTER),
      ]);
      const bars = [...before, ...after];
      this.held = { ...NOTHING, hasOlder: before.length === FIRST_BARS, hasNewer: after.length === BARS_AFTER };
      const first = bars[0];
      if (first === undefined) return;
      const span = { start: first.time, end: this.held.hasNewer ? bars.at(-1)!.time + 1 : undefined };
      const [zonesBefore] = await Promise.all([source.zonesBefore(chosen, first.time), this.derive(span, bars)]);
      this.put({ zones: mergeById(this.held.zones, zonesBefore) });
    });
  }

  /** Read what lies before the first bar. */
  older(): Promise<void> {
    if (!this.held.hasOlder || this.held.busy) return this.last;
    return this.inTurn(async () => {
      const first = this.held.bars[0];
      if (first === undefined) return;
      const bars = await this.source.bars(this.chosen, { end: first.time }, "desc", MORE_BARS);
      this.held = { ...this.held, hasOlder: bars.length === MORE_BARS };
      if (bars[0]) await this.derive({ start: bars[0].time, end: first.time }, bars);
    });
  }

  /** Read what lies behind the last bar, where that is not the newest one. */
  newer(): Promise<void> {
    if (!this.held.hasNewer || this.held.busy) return this.last;
    return this.inTurn(() => this.readOn(MORE_BARS));
  }

  /** Read what has closed since the last bar, and what became of the zones meanwhile. */
  follow(): Promise<void> {
    if (this.held.hasNewer || this.held.busy) return this.last;
    return this.inTurn(() => this.readOn(MORE_BARS), true);
  }

  /** Which columns of indicators are needed from now on. */
  setColumns(columns: readonly IndicatorColumn[]): Promise<void> {
    const missing = columns.filter((column) => !this.columns.includes(column));
    this.columns = columns;
    if (missing.length === 0) return this.last;
    return this.inTurn(async () => {
      const { bars } = this.held;
      if (!bars[0]) return;
      const span = { start: bars[0].time, end: bars.at(-1)!.time + 1 };
      const rows = await this.source.indicators(this.chosen, span, missing);
      this.put({ indicators: mergeRows(this.held.indicators, rows) });
    });
  }

  private async readOn(limit: number): Promise<void> {
    const { bars } = this.held;
    const last = bars.at(-1);
    if (last === undefined) return;
    const again = bars.at(-AGAIN_BARS) ?? bars[0]!;
    const found = await this.source.bars(this.chosen, { start: last.time }, "asc", limit);
    this.held = { ...this.held, hasNewer: found.length === limit };
    const span = { start: again.time, end: this.held.hasNewer ? found.at(-1)!.time + 1 : undefined };
    const before = this.source.zonesBefore(this.chosen, again.time);
    await Promise.all([this.derive(span, found), before]);
    this.put({ zones: mergeById(this.held.zones, await before) });
  }

  /** Put bars in with everything that belongs to their span. */
  private async derive(span: Span & { start: number }, bars: readonly Bar[]): Promise<void> {
    const { source, chosen } = this;
    const [zones, structure, signals, rows] = await Promise.all([
      source.zones(chosen, span),
      source.structure(chosen, span),
      source.signals(chosen, span.start),
      source.indicators(chosen, span, this.columns),
    ]);
    this.put({
      bars: mergeBars(this.held.bars, bars),
      zones: mergeById(this.held.zones, zones),
      structure: mergeEvents(this.held.structure, structure),
      signals: mergeById(this.held.signals, signals),
      indicators: mergeRows(this.held.indicators, rows),
    });
  }

  private put(changes: Partial<Held>): void {
    this.held = { ...this.held, ...changes };
    for (const listener of this.listeners) listener();
  }

  private inTurn(work: () => Promise<void>, quietly = false): Promise<void> {
    this.last = this.last.then(async () => {
      if (!quietly) this.put({ busy: true, error: null });
      try {
        await work();
        this.put({ busy: false, error: null });
      } catch (error) {
        // What cannot be read while following is read the next time.
        this.put(quietly ? { busy: false } : { busy: false, error });
      }
    });
    return this.last;
  }
}

/** Value of a column at each of the bars. */
export function valuesOf(held: Held, column: IndicatorColumn, count: number): (number | null)[] {
  return held.bars.slice(0, count).map((bar) => held.indicators.get(bar.time)?.[column] ?? null);
}

/** How many bars are shown that have opened by an instant; all of them without one. */
export function countUntil(bars: readonly Bar[], until: number | null): number {
  return until === null ? bars.length : indexAt(bars, until) + 1;
}
