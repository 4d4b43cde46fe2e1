import type { ReactNode } from "react";
import { LiveSignals } from "@/live/live-signals";
import { AppShell } from "@/shell/app-shell";

export default function AppLayout({ children }: { children: ReactNode }) {
  return (
    <LiveSignals>
      <AppShell>{children}</AppShell>
    </LiveSignals>
  );
}
