/** A curve over time, as it is drawn. */
export interface EquityLine {
  name: string;
  /** Milliseconds since 1970, ascending. */
  ts: readonly number[];
  values: readonly number[];
}

/** How a line is told from the others: by colour, and by a pattern for those who do not see colours apart. */
const LOOKS = [
  { colour: "--series-1", style: "solid", dashes: "" },
  { colour: "--series-2", style: "dashed", dashes: "5 3" },
  { colour: "--series-3", style: "dotted", dashes: "2 2" },
  { colour: "--series-4", style: "long", dashes: "9 4" },
] as const;

export function lookOf(index: number): (typeof LOOKS)[number] {
  return LOOKS[index % LOOKS.length] ?? LOOKS[0];
}

export interface Point {
  /** Seconds since 1970. */
  time: number;
  value: number;
}

/** Points of a curve. Of several in one second the last counts, as a chart takes one only. */
export function pointsOf(ts: readonly number[], values: readonly number[]): Point[] {
  const made: Point[] = [];
  ts.forEach((at, index) => {
    const time = Math.floor(at / 1000);
    const value = values[index];
    if (value === undefined || !Number.isFinite(value)) return;
    if (made.at(-1)?.time === time) made.pop();
    made.push({ time, value });
  });
  return made;
}

/** Change since the first value, so that accounts of any size can be held against each other. */
export function sinceStart(values: readonly number[]): number[] {
  const [first] = values;
  return first ? values.map((value) => value / first - 1) : values.map(() => 0);
}

export interface Month {
  /** First instant of the month that has a value, in milliseconds. */
  at: number;
  end: number;
  change: number;
  /** Deepest drawdown within it; never positive. */
  drawdown: number;
}

/** A curve by months of UTC: what somebody reads who does not see the chart. */
export function monthsOf(ts: readonly number[], equity: readonly number[], drawdown: readonly number[]): Month[] {
  const made: (Month & { key: string })[] = [];
  let before = equity[0] ?? 0;
  ts.forEach((at, index) => {
    const value = equity[index] ?? 0;
    const fall = drawdown[index] ?? 0;
    const key = new Date(at).toISOString().slice(0, 7);
    let month = made.at(-1);
    if (month?.key !== key) {
      before = month?.end ?? before;
      month = { key, at, end: value, change: 0, drawdown: fall };
      made.push(month);
    }
    month.end = value;
    month.change = before ? value / before - 1 : 0;
    month.drawdown = Math.min(month.drawdown, fall);
  });
  return made.map(({ at, end, change, drawdown: deepest }) => ({ at, end, change, drawdown: deepest }));
}
