"use client";

import Link from "next/link";
import { useState } from "react";
import { buttonClasses } from "@/components/button";
import { SelectField } from "@/components/field";
import { ErrorState, Skeleton } from "@/components/states";
import { useReader } from "@/session/reader";
import { type Choices, type Metric, type Row, type Sweep, useChoices, useSweep, type Value } from "./backtests";
import { axisOf, bestOf } from "./heat";
import { HeatTable } from "./heat-table";
import { formatMetric } from "./metrics";
import { placeOf } from "./places";
import { FEW, labelOf, overfittingWords, valueWords } from "./words";

/** What came of a sweep: how far the best can be believed, and all sets as a map. */
export function SweepFindings({ id }: { id: string }) {
  const sweep = useSweep(id);
  const choices = useChoices();
  if (sweep.isPending || choices.isPending) return <Skeleton className="h-96" />;
  const failed = [sweep, choices].find((one) => one.isError);
  if (!sweep.data || !choices.data) return <ErrorState error={failed?.error} retry={() => void failed?.refetch()} />;
  return <Found id={id} sweep={sweep.data} choices={choices.data} />;
}

const PROBABILITY: Metric = {
  name: "deflated_sharpe",
  title: "Deflated Sharpe ratio",
  unit: "probability",
  better: "high",
  group: "",
  definition: "Probability that the true Sharpe ratio is above 0, allowing for how many sets were tried.",
};

function metricsOf(sweep: Sweep, choices: Choices): Metric[] {
  const [first] = sweep.sets;
  return [...choices.metrics, PROBABILITY].filter((metric) => first && metric.name in first);
}

function setWords(sweep: Sweep, row: Row): string {
  return sweep.parameters.map((name) => `${labelOf(name)} ${valueWords(row[name])}`).join(", ");
}

function Found({ id, sweep, choices }: { id: string; sweep: Sweep; choices: Choices }) {
  const { locale } = useReader();
  const metrics = metricsOf(sweep, choices);
  const [name, setName] = useState("sharpe");
  const [across, setAcross] = useState(sweep.parameters[0] ?? "");
  const [down, setDown] = useState(sweep.parameters[1] ?? null);
  const metric = metrics.find((one) => one.name === name) ?? PROBABILITY;
  const best = bestOf(sweep, metric);
  const [held, setHeld] = useState<Readonly<Record<string, Value | null | undefined>>>({});
  const others = sweep.parameters.filter((one) => one !== across && one !== down);
  const fixed = Object.fromEntries(
    others.map((one) => [one, one in held ? held[one] : (best ?? sweep.sets[0])?.[one]]),
  );
  const deflated = best && typeof best.deflated_sharpe === "number" ? best.deflated_sharpe : null;
  const doubt = overfittingWords(sweep, deflated);
  const trades = best && typeof best.trades === "number" ? best.trades : null;
  return (
    <>
      <section
        aria-label="How far to believe it"
        className={`rounded-lg border px-4 py-3 ${doubt.warn ? "border-warn bg-warn-soft" : "border-line bg-surface"}`}
      >
        <h2 className="text-lg font-semibold">{doubt.title}</h2>
        <p className="mt-1">{doubt.words}</p>
        {best ? (
          <p className="mt-2">
            Best by {metric.title}: <strong className="font-semibold">{setWords(sweep, best)}</strong>, at{" "}
            <span className="numeric">{formatMetric(best[metric.name], metric, locale)}</span> with {trades}{" "}
            {trades === 1 ? "trade" : "trades"}
            {trades !== null && trades < FEW && ", too few to tell an edge from luck"}.
          </p>
        ) : (
          <p className="mt-2">No set has a number to go by: none traded enough.</p>
        )}
        <p className="mt-3">
          <Link href={placeOf.again(id, true)} className={buttonClasses("secondary", "small")}>
            Walk it forward
          </Link>
        </p>
      </section>
      <section aria-label="Parameter sets" className="rounded-lg border border-line bg-surface p-4">
        <div className="mb-4 grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
          <SelectField label="Number" value={metric.name} onChange={(event) => setName(event.target.value)}>
            {metrics.map((one) => (
              <option key={one.name} value={one.name}>
                {one.title}
              </option>
            ))}
          </SelectField>
          <SelectField
            label="Across"
            value={across}
            onChange={(event) => {
              if (event.target.value === down) setDown(across);
              setAcross(event.target.value);
            }}
          >
            {sweep.parameters.map((one) => (
              <option key={one} value={one}>
                {labelOf(one)}
              </option>
            ))}
          </SelectField>
          {down !== null && (
            <SelectField
              label="Down"
              value={down}
              onChange={(event) => {
                if (event.target.value === across) setAcross(down);
                setDown(event.target.value);
              }}
            >
              {sweep.parameters.map((one) => (
                <option key={one} value={one}>
                  {labelOf(one)}
                </option>
              ))}
            </SelectField>
          )}
          {others.map((one) => (
            <SelectField
              key={one}
              label={`${labelOf(one)} held at`}
              value={JSON.stringify(fixed[one])}
              onChange={(event) => setHeld({ ...held, [one]: JSON.parse(event.target.value) as Value })}
            >
              {axisOf(sweep, one).map((value) => (
                <option key={JSON.stringify(value)} value={JSON.stringify(value)}>
                  {valueWords(value)}
                </option>
              ))}
            </SelectField>
          ))}
        </div>
        <HeatTable sweep={sweep} metric={metric} across={across} down={down} held={fixed} />
      </section>
    </>
  );
}
