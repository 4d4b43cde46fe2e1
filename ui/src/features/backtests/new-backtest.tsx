"use client";

import Link from "next/link";
import { buttonClasses } from "@/components/button";
import { PageHeader } from "@/components/page-header";
import { EmptyState, ErrorState, Skeleton } from "@/components/states";
import { useMarkets } from "@/features/market/markets";
import { Allowance } from "./allowance";
import { BacktestForm } from "./backtest-form";
import { useBacktest, useChoices } from "./backtests";
import { placeOf } from "./places";
import { startingValues, type Typed, typedOf } from "./request";

/** The form, empty or as an earlier backtest was asked for. */
export function NewBacktest({ from, walk }: { from: string | null; walk: boolean }) {
  return (
    <>
      <PageHeader
        title="New backtest"
        actions={
          <Link href={placeOf.list} className={buttonClasses("secondary", "small")}>
            All backtests
          </Link>
        }
      >
        What you leave empty is as it comes. Several values with commas between them are all tried: that makes a sweep.
      </PageHeader>
      {from ? <Again from={from} walk={walk} /> : <Form />}
    </>
  );
}

function Again({ from, walk }: { from: string; walk: boolean }) {
  const earlier = useBacktest(from);
  if (earlier.isPending) return <Skeleton className="h-96" />;
  if (earlier.isError) return <ErrorState error={earlier.error} retry={() => void earlier.refetch()} />;
  const typed = typedOf(earlier.data.request);
  return <Form start={walk ? { ...typed, walkForward: { train: "90", test: "30", anchored: false } } : typed} />;
}

function Form({ start }: { start?: Typed }) {
  const choices = useChoices();
  const markets = useMarkets();
  if (choices.isPending || markets.isPending) return <Skeleton className="h-96" />;
  const failed = [choices, markets].find((one) => one.isError);
  if (!choices.data || !markets.data) return <ErrorState error={failed?.error} retry={() => void failed?.refetch()} />;
  const strategy = choices.data.strategies.find((one) => one.name === "smc_pullback") ?? choices.data.strategies[0];
  const market = markets.data[0];
  if (!strategy) {
    return (
      <EmptyState title="Nothing can be backtested yet">
        The runner of backtests tells what there is, and it has never been up here.
      </EmptyState>
    );
  }
  if (!market) return <EmptyState title="No market is stored yet">Backtests run on bars that are stored.</EmptyState>;
  const frames = market.timeframes.map((one) => one.timeframe);
  return (
    <>
      <Allowance choices={choices.data} />
      <BacktestForm
        choices={choices.data}
        markets={markets.data}
        start={
          start ?? {
            strategy: strategy.name,
            market: market.market,
            timeframe: frames.find((one) => one === "15m") ?? frames[0] ?? "",
            start: "",
            end: "",
            values: startingValues(choices.data, strategy.name),
            walkForward: null,
            robust: true,
          }
        }
      />
    </>
  );
}
