import type { Metadata } from "next";
import { Offline } from "@/features/installed/offline";

export const metadata: Metadata = { title: "No connection" };

export default function Page() {
  return <Offline />;
}
