"use client";

import Link from "next/link";
import { type ReactNode, Suspense } from "react";
import { buttonClasses } from "@/components/button";
import { EmptyState, ErrorState, Skeleton } from "@/components/states";
import { signInPath } from "@/features/sign-in/return-to";
import { useProfile } from "./session";

/** What only somebody who is signed in sees; everybody else is shown the way in, and comes back here by it. */
export function SignedIn({ here, children }: { here: string; children: ReactNode }) {
  const profile = useProfile();
  const skeleton = <Skeleton className="h-80 max-w-3xl" />;
  if (profile.isPending) return skeleton;
  if (profile.isError) return <ErrorState error={profile.error} retry={() => void profile.refetch()} />;
  // Here and not around: what is hydrated apart from the shell can find answers that the shell has asked for.
  if (profile.data) return <Suspense fallback={skeleton}>{children}</Suspense>;
  return (
    <EmptyState
      title="Nobody is signed in"
      action={
        <Link className={buttonClasses("primary")} href={signInPath(here)}>
          Sign in
        </Link>
      }
    >
      This page belongs to an account. Signals can be read without one, fifteen minutes late.
    </EmptyState>
  );
}
