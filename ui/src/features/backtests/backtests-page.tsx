"use client";

import { useSearchParams } from "next/navigation";
import { SignedIn } from "@/session/signed-in";
import { BacktestDetail } from "./backtest-detail";
import { BacktestList } from "./backtest-list";
import { Comparison } from "./comparison";
import { NewBacktest } from "./new-backtest";
import { placeOf } from "./places";

export function BacktestsPage() {
  const search = useSearchParams();
  const id = search.get("id");
  const several = search.get("compare")?.split(",").filter(Boolean).slice(0, 4) ?? [];
  const from = search.get("from");
  return (
    <SignedIn here={search.size ? `/backtests/?${search}` : placeOf.list}>
      {id ? (
        <BacktestDetail key={id} id={id} />
      ) : several.length ? (
        <Comparison key={several.join()} ids={several} />
      ) : search.has("new") ? (
        <NewBacktest key={from ?? ""} from={from} walk={search.has("walk")} />
      ) : (
        <BacktestList />
      )}
    </SignedIn>
  );
}
