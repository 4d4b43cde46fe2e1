import type { Metadata } from "next";
import { Suspense } from "react";
import { PerformancePage } from "@/features/performance/performance-page";

export const metadata: Metadata = { title: "Performance" };

export default function Page() {
  return (
    <Suspense>
      <PerformancePage />
    </Suspense>
  );
}
