/** Bars of one market and timeframe, as the chart and everything drawn on it know them. Pure. */

/** A closed bar; its time is that of its opening, in milliseconds since 1970. */
export interface Bar {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

/** Place of the last bar that opens at or before an instant; -1 if all open later. */
export function indexAt(bars: readonly { time: number }[], time: number): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle]!.time <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Put bars into bars, both oldest first: each time once, what comes in stands. What has not changed stays the same
 * array, so that nothing is drawn anew for it.
 */
export function mergeBars(held: readonly Bar[], incoming: readonly Bar[]): readonly Bar[] {
  if (incoming.length === 0) return held;
  const first = held[0];
  const last = held.at(-1);
  if (first === undefined || last === undefined) return [...incoming];
  if (incoming[0]!.time > last.time) return [...held, ...incoming];
  if (incoming.at(-1)!.time < first.time) return [...incoming, ...held];
  const merged: Bar[] = [];
  let changed = false;
  let next = 0;
  for (const bar of held) {
    while (next < incoming.length && incoming[next]!.time < bar.time) {
      merged.push(incoming[next++]!);
      changed = true;
    }
    const candidate = incoming[next];
    if (candidate?.time === bar.time) {
      next += 1;
      const same = sameBar(bar, candidate);
      merged.push(same ? bar : candidate);
      changed ||= !same;
    } else {
      merged.push(bar);
    }
  }
  for (; next < incoming.length; next += 1) {
    merged.push(incoming[next]!);
    changed = true;
  }
  return changed ? merged : held;
}

function sameBar(one: Bar, other: Bar): boolean {
  return (
    one.open === other.open &&
    one.high === other.high &&
    one.low === other.low &&
    one.close === other.close &&
    one.volume === other.volume
  );
}
