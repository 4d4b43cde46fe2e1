/**
 * What is drawn on candles, in the chart's own coordinates: the place of a bar, with halves between bars, and a price.
 * Layers make shapes, one painter draws them. Pure.
 */

/** What a shape means; the painter has a colour for each, in either theme. */
export type Tone = "up" | "down" | "accent" | "warn" | "plain";

export interface Box {
  kind: "box";
  from: number;
  /** Infinity for what has not ended. */
  to: number;
  top: number;
  bottom: number;
  tone: Tone;
  /** How it is told from others of its colour. */
  border: "solid" | "dashed" | "none";
  /** Share of the colour in its filling, 0 to 1. */
  fill: number;
  label?: string;
}

export interface Line {
  kind: "line";
  from: number;
  to: number;
  price: number;
  tone: Tone;
  dash: "solid" | "dashed" | "dotted";
  width: number;
  /** Of what is over: it steps back behind what can still be acted on. */
  faint?: boolean;
  label?: string;
  /** Where along the line its label stands. */
  labelAt?: "start" | "middle" | "end";
  /** On which side of the line; above if not said. */
  side?: "above" | "below";
}

export interface Mark {
  kind: "mark";
  at: number;
  price: number;
  tone: Tone;
  text: string;
  /** An arrow towards the price, a cross on it, or the text alone. */
  sign?: "arrow" | "cross";
  side: "above" | "below";
  /** Less than this many pixels a bar, and it is left out. */
  fromSpacing: number;
}

export type Shape = Box | Line | Mark;

/** Where a bar has closed: whatever becomes known at its close begins and ends there. */
export const CLOSE = 0.5;

/** First and last place of a shape. */
export function reach(shape: Shape): [number, number] {
  return shape.kind === "mark" ? [shape.at, shape.at] : [shape.from, shape.to];
}

/** Whether any part of a shape lies between two places. */
export function isBetween(shape: Shape, first: number, last: number): boolean {
  const [from, to] = reach(shape);
  return from <= last && to >= first;
}

/** Lowest and highest price of the shapes. */
export function priceReach(shapes: readonly Shape[]): { low: number; high: number } | null {
  let low = Infinity;
  let high = -Infinity;
  for (const shape of shapes) {
    low = Math.min(low, shape.kind === "box" ? shape.bottom : shape.price);
    high = Math.max(high, shape.kind === "box" ? shape.top : shape.price);
  }
  return low <= high ? { low, high } : null;
}
