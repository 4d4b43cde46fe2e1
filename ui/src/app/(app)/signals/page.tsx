import type { Metadata } from "next";
import { Suspense } from "react";
import { SignalsPage } from "@/features/signals/signals-page";

export const metadata: Metadata = { title: "Signals" };

export default function Page() {
  return (
    <Suspense>
      <SignalsPage />
    </Suspense>
  );
}
