"use client";

import Link from "next/link";
import { usePathname, useRouter } from "next/navigation";
import { lazy } from "react";
import { buttonClasses } from "@/components/button";
import { OnDemand } from "@/components/on-demand";
import { Skeleton } from "@/components/states";
import { signInPath } from "@/features/sign-in/return-to";
import { useProfile, useSignOut } from "@/session/session";
import { SESSION_BUTTON, SESSION_FACE } from "./session-button";

const SessionDropdown = lazy(() => import("./session-dropdown"));

/** Who is signed in, and the way out; the way in for everybody else. */
export function SessionMenu() {
  const path = usePathname();
  const router = useRouter();
  const profile = useProfile();
  const signOut = useSignOut();
  if (profile.isPending) return <Skeleton className="h-9 w-9 rounded-full" />;
  if (!profile.data) {
    return (
      <Link prefetch={false} className={buttonClasses("primary", "small")} href={signInPath(path)}>
        Sign in
      </Link>
    );
  }
  return (
    <OnDemand label={`Account of ${profile.data.email}`} className={SESSION_BUTTON} face={SESSION_FACE}>
      <SessionDropdown
        profile={profile.data}
        onSignOut={() => signOut.mutate(undefined, { onSettled: () => router.push("/") })}
      />
    </OnDemand>
  );
}
