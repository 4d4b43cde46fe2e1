import { formatChange, formatCount, formatR, formatShare, NOTHING } from "@/format/numbers";
import type { Metric } from "./backtests";

const SIGNED = new Set([
  "total_return",
  "annual_return",
  "net_profit",
  "best_day",
  "worst_day",
  "best_trade",
  "worst_trade",
  "sharpe",
  "sortino",
  "calmar",
  "expectancy",
  "expectancy_r",
  "sqn",
]);

/** Whether below 0 is a loss. */
export function isSigned(name: string): boolean {
  return SIGNED.has(name);
}

function plain(value: number, locale: string, digits: number, signed: boolean): string {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  return value
    .toLocaleString(locale, { ...options, signDisplay: signed ? "exceptZero" : "negative" })
    .replace("-", "\u2212");
}

/** A number of a backtest as its unit is written. */
export function formatMetric(value: unknown, metric: Pick<Metric, "name" | "unit">, locale = "en"): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return NOTHING;
  const signed = isSigned(metric.name);
  switch (metric.unit) {
    case "fraction":
      return signed ? formatChange(value, locale) : formatShare(value, locale, 2);
    case "probability":
      // Never rounded to certainty.
      if (value > 0 && value < 0.001) return `< ${formatShare(0.001, locale, 1)}`;
      return value > 0.999 && value < 1 ? `> ${formatShare(0.999, locale, 1)}` : formatShare(value, locale, 1);
    case "percent":
      return formatShare(value / 100, locale, 2);
    case "R":
      return formatR(value, locale);
    case "count":
      return formatCount(value, locale);
    case "days":
    case "bars":
      return plain(value, locale, Number.isInteger(value) ? 0 : 1, false);
    default:
      return plain(value, locale, 2, signed);
  }
}

/** Metrics by what they are about, in their order. */
export function byGroup(metrics: readonly Metric[]): [string, Metric[]][] {
  const groups = new Map<string, Metric[]>();
  for (const metric of metrics) groups.set(metric.group, [...(groups.get(metric.group) ?? []), metric]);
  return [...groups];
}
