"use client";

import { useRouter, useSearchParams } from "next/navigation";
import { PageHeader } from "@/components/page-header";
import { SelectField } from "@/components/field";
import { FirstSteps } from "@/features/first-steps/first-steps";
import { useProfile } from "@/session/session";
import { SignalList } from "./signal-list";
import type { SignalFilter } from "./signals";

const TIMEFRAMES = ["1m", "5m", "15m", "1h", "4h", "1d"] as const;

function filterOf(search: URLSearchParams): SignalFilter {
  const direction = search.get("direction");
  return {
    timeframe: TIMEFRAMES.find((one) => one === search.get("timeframe")),
    direction: direction === "long" ? 1 : direction === "short" ? -1 : undefined,
    market: search.get("market") ?? undefined,
    strategy: search.get("strategy") ?? undefined,
  };
}

export function SignalsPage() {
  const router = useRouter();
  const search = useSearchParams();
  const profile = useProfile();
  const delay = profile.data?.plan.signal_delay_s ?? 900;

  function choose(name: string, value: string) {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    router.replace(`/signals/?${next}`, { scroll: false });
  }

  return (
    <>
      <FirstSteps />
      <PageHeader
        title="Signals"
        actions={
          <div className="flex gap-3">
            <SelectField
              label="Timeframe"
              value={search.get("timeframe") ?? ""}
              onChange={(event) => choose("timeframe", event.target.value)}
            >
              <option value="">All</option>
              {TIMEFRAMES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </SelectField>
            <SelectField
              label="Side"
              value={search.get("direction") ?? ""}
              onChange={(event) => choose("direction", event.target.value)}
            >
              <option value="">Both</option>
              <option value="long">Long</option>
              <option value="short">Short</option>
            </SelectField>
          </div>
        }
      >
        As they were published, never changed afterwards.{" "}
        {profile.isSuccess && delay > 0 && `Your plan shows them ${Math.round(delay / 60)} minutes late.`}
      </PageHeader>
      <SignalList filter={filterOf(search)} />
    </>
  );
}
