import type { Schema } from "@/api/client";

type Month = Schema<"MonthOfResults">;

export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

export interface Year {
  year: number;
  /** January to December; null where nothing ended. */
  months: (Month | null)[];
  total_r: number;
  sample_size: number;
}

/** Months as rows of years, the newest first, without holes between them. */
export function years(months: readonly Month[]): Year[] {
  const first = months[0];
  const last = months.at(-1);
  if (!first || !last) return [];
  const known = new Map(months.map((one) => [one.month, one]));
  const newest = Number(last.month.slice(0, 4));
  const oldest = Number(first.month.slice(0, 4));
  return Array.from({ length: newest - oldest + 1 }, (_, place) => {
    const year = newest - place;
    const row = MONTHS.map((_name, at) => known.get(`${year}-${String(at + 1).padStart(2, "0")}`) ?? null);
    return {
      year,
      months: row,
      total_r: row.reduce((sum, one) => sum + (one?.total_r ?? 0), 0),
      sample_size: row.reduce((sum, one) => sum + (one?.sample_size ?? 0), 0),
    };
  });
}

const FAINTEST = 8;
const STRONGEST = 38;

/** Background of a cell: stronger the further its result is from nothing, next to the largest of the table. */
export function shade(total: number, largest: number): string {
  if (total === 0 || largest === 0) return "transparent";
  const strength = Math.round(FAINTEST + (STRONGEST - FAINTEST) * Math.min(1, Math.abs(total) / largest));
  return `color-mix(in srgb, var(${total > 0 ? "--up" : "--down"}) ${strength}%, transparent)`;
}
