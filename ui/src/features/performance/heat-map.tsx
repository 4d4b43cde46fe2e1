"use client";

import { formatCount, formatR } from "@/format/numbers";
import { useReader } from "@/session/reader";
import type { Curve } from "./curve";
import { MONTHS, shade, years } from "./months";

const CELL = "numeric border border-line px-2 py-1.5 text-right whitespace-nowrap";

/** Results by the month in which the signals ended: sum and number in each cell, and a colour for both signs. */
export function HeatMap({ months, caption }: { months: Curve["months"]; caption: string }) {
  const { locale } = useReader();
  const largest = Math.max(0, ...months.map((one) => Math.abs(one.total_r)));
  return (
    <div
      className="relative overflow-x-auto rounded-lg border border-line bg-surface"
      role="region"
      aria-label={caption}
      tabIndex={0}
    >
      <table className="w-full border-collapse text-xs">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="text-faint">
            <th scope="col" className="sticky left-0 bg-surface px-3 py-2 text-left font-medium">
              Year
            </th>
            {MONTHS.map((name) => (
              <th key={name} scope="col" className="px-2 py-2 text-right font-medium">
                {name}
              </th>
            ))}
            <th scope="col" className="px-3 py-2 text-right font-medium">
              All
            </th>
          </tr>
        </thead>
        <tbody>
          {years(months).map((row) => (
            <tr key={row.year}>
              <th scope="row" className="numeric sticky left-0 bg-surface px-3 py-1.5 text-left font-medium">
                {row.year}
              </th>
              {row.months.map((month, place) => (
                <td
                  key={MONTHS[place]}
                  className={CELL}
                  style={month ? { background: shade(month.total_r, largest) } : undefined}
                >
                  {month && (
                    <>
                      <span className="block font-medium">{formatR(month.total_r, locale)}</span>
                      <Count of={month.sample_size} locale={locale} />
                    </>
                  )}
                </td>
              ))}
              <td className={`${CELL} px-3`}>
                <span className="block font-semibold">{formatR(row.total_r, locale)}</span>
                <Count of={row.sample_size} locale={locale} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Count({ of, locale }: { of: number; locale: string }) {
  return (
    <span className="block text-soft">
      {formatCount(of, locale)}
      <span className="sr-only"> {of === 1 ? "signal" : "signals"}</span>
    </span>
  );
}
