import { type Bar, indexAt } from "../bars";
import { CLOSE } from "../shapes";

/**
 * The bars that are shown, and with them the instant up to which anything may be known: the close of the last one.
 * Whatever becomes known at the close of a later bar is not there yet.
 */
export class Timeline {
  readonly until: number;

  constructor(
    readonly bars: readonly Bar[],
    readonly length: number,
  ) {
    const last = bars.at(-1);
    this.until = last === undefined ? -Infinity : last.time + length;
  }

  /** Whether what the bar of this time brought is known. */
  knows(time: number | null): time is number {
    return time !== null && time + this.length <= this.until;
  }

  /** Place of the bar of a time; left of the first for everything before it. */
  at(time: number): number {
    return indexAt(this.bars, time);
  }

  /** Place where the bar of a time has closed. */
  closeOf(time: number): number {
    return this.at(time) + CLOSE;
  }

  /** Place where something ended that became known at the close of a bar; Infinity while it is not known. */
  endOf(time: number | null): number {
    return this.knows(time) ? this.closeOf(time) : Infinity;
  }

  /** Whether something of this life lies in the bars that are there. */
  shows(from: number, to: number | null): boolean {
    const first = this.bars[0];
    return first !== undefined && this.knows(from) && (to === null || to >= first.time);
  }
}
