import type { Metadata } from "next";
import { Suspense } from "react";
import { BacktestsPage } from "@/features/backtests/backtests-page";

export const metadata: Metadata = { title: "Backtests" };

export default function Page() {
  return (
    <Suspense>
      <BacktestsPage />
    </Suspense>
  );
}
