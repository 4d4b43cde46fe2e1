import type { Metadata } from "next";
import { Suspense } from "react";
import { MarketPage } from "@/features/market/market-page";

export const metadata: Metadata = { title: "Market" };

export default function Page() {
  return (
    <Suspense>
      <MarketPage />
    </Suspense>
  );
}
