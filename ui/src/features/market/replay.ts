import { type Bar, indexAt } from "@/chart/bars";

/** Bars a second at which history can be played. */
export const SPEEDS = [1, 2, 5, 10] as const;
export type Speed = (typeof SPEEDS)[number];

/** Replay of a history: everything after the close of one bar is hidden. */
export interface Replay {
  /** Opening of the last bar that is shown. */
  until: number;
  playing: boolean;
  speed: Speed;
}

/** Begin at an instant, or where it is not in the bars, in the middle of what is held. */
export function beginReplay(bars: readonly Bar[], at?: number): Replay | null {
  if (bars.length < 2) return null;
  const found = at === undefined ? -1 : indexAt(bars, at);
  const index = found < 0 ? bars.length >> 1 : Math.min(found, bars.length - 2);
  return { until: bars[index]!.time, playing: false, speed: 2 };
}

/** Go some bars on, or back. At the last bar it stops by itself. */
export function stepReplay(replay: Replay, bars: readonly Bar[], steps: number): Replay {
  const index = indexAt(bars, replay.until) + steps;
  const held = Math.min(bars.length - 1, Math.max(0, index));
  const bar = bars[held];
  if (bar === undefined) return replay;
  return { ...replay, until: bar.time, playing: replay.playing && held < bars.length - 1 };
}
