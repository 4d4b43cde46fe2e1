import Link from "next/link";
import type { ReactNode } from "react";
import { Mark } from "@/components/mark";
import { ThemeSwitch } from "@/shell/theme-switch";

export default function PublicLayout({ children }: { children: ReactNode }) {
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="flex items-center justify-between gap-3 border-b border-line bg-surface px-4 py-3 sm:px-6">
        <Link href="/" className="flex min-w-0 items-center gap-2.5 font-semibold">
          <Mark />
          <span className="truncate">Crypto Analytics Platform</span>
        </Link>
        <div className="flex items-center gap-1 sm:gap-2">
          <ThemeSwitch />
          <Link href="/login/" className="rounded-md px-3 py-2 text-sm font-medium text-soft hover:text-text">
            Sign in
          </Link>
        </div>
      </header>
      {children}
    </div>
  );
}
