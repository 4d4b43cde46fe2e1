"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { classes } from "@/components/classes";
import { Mark } from "@/components/mark";
import { StreamBadge } from "@/live/stream-badge";
import { ClockSwitch } from "./clock-switch";
import { CommandPalette } from "./command-palette";
import { PLACES } from "./places";
import { SessionMenu } from "./session-menu";
import { ThemeSwitch } from "./theme-switch";

/** Pages that use the whole width of the screen. */
const WIDE = ["/market"];

/** The frame around every page: places on the left, or at the foot of a small screen. */
export function AppShell({ children }: { children: ReactNode }) {
  const path = usePathname();
  const wide = WIDE.some((one) => path.startsWith(one));
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[4.5rem_1fr] lg:grid-cols-[13rem_1fr]">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-accent focus:px-3 focus:py-2 focus:text-on-accent"
      >
        To the content
      </a>
      <Rail />
      <div className="flex min-w-0 flex-col">
        <header className="sticky top-0 z-20 flex h-14 items-center justify-between gap-3 border-b border-line bg-surface/95 px-4 backdrop-blur">
          <Link href="/" prefetch={false} aria-label="Crypto Analytics Platform, start" className="md:hidden">
            <Mark size={26} />
          </Link>
          <CommandPalette />
          <div className="flex items-center gap-1">
            <StreamBadge />
            <ClockSwitch />
            <ThemeSwitch />
            <SessionMenu />
          </div>
        </header>
        <main
          id="main"
          className={classes(
            "mx-auto w-full flex-1 pb-24 md:pb-10",
            wide ? "px-3 pt-3 md:px-4" : "max-w-7xl px-4 pt-5 md:px-6",
          )}
        >
          {children}
        </main>
      </div>
      <FootBar />
    </div>
  );
}

function useHere(): (href: string) => boolean {
  const path = usePathname();
  return (href) => path === href || path.startsWith(href);
}

function Rail() {
  const here = useHere();
  return (
    <nav
      aria-label="Places"
      className="sticky top-0 hidden h-dvh flex-col gap-1 border-r border-line bg-surface px-2 py-3 md:flex"
    >
      <Link href="/" prefetch={false} className="mb-3 flex items-center gap-2.5 px-2 py-1 font-semibold lg:px-3">
        <Mark size={28} />
        <span className="hidden text-sm leading-tight lg:block">
          Crypto Analytics
          <br />
          Platform
        </span>
      </Link>
      {PLACES.map(({ href, label, icon: Icon }) => (
        <Link
          key={href}
          href={href}
          prefetch={false}
          aria-current={here(href) ? "page" : undefined}
          className={classes(
            "flex flex-col items-center gap-1 rounded-md px-2 py-2 text-xs font-medium lg:flex-row lg:gap-3 lg:px-3 lg:text-base",
            here(href) ? "bg-accent-soft text-accent" : "text-soft hover:bg-sunken hover:text-text",
          )}
        >
          <Icon size={19} aria-hidden />
          {label}
        </Link>
      ))}
    </nav>
  );
}

function FootBar() {
  const here = useHere();
  return (
    <nav
      aria-label="Places"
      className="fixed inset-x-0 bottom-0 z-20 flex border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {PLACES.filter((place) => place.main).map(({ href, label, icon: Icon }) => (
        <Link
          key={href}
          href={href}
          prefetch={false}
          aria-current={here(href) ? "page" : undefined}
          className={classes(
            "flex flex-1 flex-col items-center gap-1 py-2 text-xs font-medium",
            here(href) ? "text-accent" : "text-soft",
          )}
        >
          <Icon size={20} aria-hidden />
          {label}
        </Link>
      ))}
    </nav>
  );
}
