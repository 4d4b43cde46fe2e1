import type { Metadata } from "next";
import { BillingPage } from "@/features/billing/billing-page";

export const metadata: Metadata = { title: "Plan and billing" };

export default function Page() {
  return <BillingPage />;
}
