"use client";

import { useQuery } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import { useMemo } from "react";
import { api, body } from "@/api/client";
import { ErrorState, Skeleton } from "@/components/states";
import { useReader } from "@/session/reader";
import { costWords, curveWords, drawn, sampleWords } from "./curve";
import { HeatMap } from "./heat-map";
import type { RecordFilter } from "./records";

const RecordChart = dynamic(() => import("@/chart/record-chart"), {
  ssr: false,
  loading: () => <Skeleton className="h-80" />,
});

/** Results added up over time and by month, with what that does and does not say. */
export function OverTime({ filter, simulated }: { filter: RecordFilter; simulated: boolean }) {
  const { locale, zone } = useReader();
  const found = useQuery({
    queryKey: ["performance", "curve", filter, simulated],
    queryFn: () => body(api.GET("/v1/performance/curve", { params: { query: { ...filter, simulated } } })),
  });
  const curve = found.data;
  const points = useMemo(() => (curve ? drawn(curve) : []), [curve]);
  if (found.isPending) return <Skeleton className="mb-6 h-96" />;
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (!curve?.sample_size) return null;
  const whose = simulated ? "Simulated results" : "Results";
  const words = curveWords(curve, locale);
  return (
    <>
      <section
        aria-label={`${whose} over time`}
        className="mb-6 grid grid-cols-[minmax(0,1fr)] gap-4 lg:grid-cols-[minmax(0,1fr)_18rem]"
      >
        <div className="min-w-0 rounded-lg border border-line bg-surface p-3">
          <p className="px-1 pb-2 text-sm text-soft">
            Sum of results in R, in the order in which signals ended; below it the drawdown from its highest
          </p>
          <RecordChart points={points} zone={zone} locale={locale} label={words} />
        </div>
        <div className="flex flex-col gap-3 rounded-lg border border-line bg-surface p-4">
          <h3 className="font-semibold">What the curve says</h3>
          <p>{words}</p>
          <p className="text-soft">{sampleWords(curve.sample_size)}</p>
          <p className="text-soft">{costWords(curve, locale)}</p>
        </div>
      </section>
      <h3 className="mb-2 font-semibold">By month</h3>
      <p className="mb-2 text-sm text-soft">Sum of results and number of signals that ended in each month, by UTC.</p>
      <div className="mb-6">
        <HeatMap months={curve.months} caption={`${whose} by month`} />
      </div>
    </>
  );
}
