import type { Tone } from "./shapes";

/** Colours of the chart, as the theme has them. */
export interface Palette {
  background: string;
  text: string;
  faint: string;
  line: string;
  tones: Record<Tone, string>;
  series: readonly string[];
}

/** Read the colours of the theme in force. */
export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    background: value("surface"),
    text: value("text-soft"),
    faint: value("text-faint"),
    line: value("line"),
    tones: {
      up: value("up"),
      down: value("down"),
      accent: value("accent"),
      warn: value("warn"),
      plain: value("text-faint"),
    },
    series: ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"].map(value),
  };
}

/** A colour of six digits with a share of it left. */
export function faded(colour: string, share: number): string {
  const digits = /^#([0-9a-f]{6})$/i.exec(colour)?.[1];
  if (digits === undefined) return colour;
  return `#${digits}${Math.round(Math.min(1, Math.max(0, share)) * 255)
    .toString(16)
    .padStart(2, "0")}`;
}
