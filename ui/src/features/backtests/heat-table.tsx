"use client";

import { classes } from "@/components/classes";
import { formatCount } from "@/format/numbers";
import { useReader } from "@/session/reader";
import type { Metric, Sweep, Value } from "./backtests";
import { heatColour, heatMap } from "./heat";
import { formatMetric, isSigned } from "./metrics";
import { FEW, labelOf, valueWords } from "./words";

interface Props {
  sweep: Sweep;
  metric: Metric;
  across: string;
  down: string | null;
  held: Readonly<Record<string, Value | null | undefined>>;
}

/** Parameter sets as a table of numbers; the colour behind each only repeats how good it is. */
export function HeatTable({ sweep, metric, across, down, held }: Props) {
  const { locale } = useReader();
  const map = heatMap(sweep, metric, across, down, held);
  const signed = isSigned(metric.name);
  const name = down === null ? labelOf(across) : `${labelOf(across)} across, ${labelOf(down)} down`;
  return (
    <>
      <p className="mb-2 text-soft">
        {metric.title}: {name}. Small numbers are trades.
      </p>
      <div
        className="relative max-h-[75dvh] overflow-auto"
        role="region"
        aria-label={`${metric.title} by parameters`}
        tabIndex={0}
      >
        <table className="border-separate border-spacing-1 text-sm">
          <caption className="sr-only">{`${metric.title}: ${name}`}</caption>
          <thead>
            <tr>
              <th
                scope="col"
                className="sticky top-0 left-0 z-20 bg-surface px-2 py-1 text-left text-xs font-medium whitespace-nowrap text-faint"
              >
                {down === null ? labelOf(across) : `${labelOf(down)} \\ ${labelOf(across)}`}
              </th>
              {map.x.map((value) => (
                <th
                  key={valueWords(value)}
                  scope="col"
                  className="numeric sticky top-0 z-10 bg-surface px-2 py-1 text-right text-xs font-medium text-soft"
                >
                  {valueWords(value)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {map.cells.map((row, index) => {
              const value = map.y[index];
              return (
                <tr key={value === undefined ? "only" : valueWords(value)}>
                  <th
                    scope="row"
                    className="numeric sticky left-0 z-10 bg-surface px-2 py-1 text-left text-xs font-medium whitespace-nowrap text-soft"
                  >
                    {value === undefined ? metric.title : valueWords(value)}
                  </th>
                  {row.map((cell, at) => (
                    <td
                      key={valueWords(map.x[at] ?? at)}
                      style={cell ? { background: heatColour(cell, signed) } : undefined}
                      className={classes(
                        "numeric min-w-20 rounded px-2 py-1.5 text-right whitespace-nowrap",
                        cell?.best && "font-semibold outline-2 -outline-offset-2 outline-text",
                      )}
                    >
                      {cell ? (
                        <>
                          {cell.best && <span>★ best </span>}
                          {formatMetric(cell.value, metric, locale)}
                          <span className="block text-xs font-normal">
                            {formatCount(cell.trades, locale)}
                            <span className="sr-only"> trades</span>
                            {cell.trades !== null && cell.trades < FEW && " · few"}
                          </span>
                        </>
                      ) : (
                        <span className="sr-only">not tried</span>
                      )}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p className="mt-2 text-sm text-faint">
        {signed
          ? "Green gained, red lost; the stronger, the more."
          : "The stronger the colour, the better among those tried."}{" "}
        A good set among bad neighbours is most likely luck.
      </p>
    </>
  );
}
