"use client";

import { CircleUserRound } from "lucide-react";
import Link from "next/link";
import { usePathname, useRouter } from "next/navigation";
import { DropdownMenu } from "radix-ui";
import { buttonClasses } from "@/components/button";
import { Skeleton } from "@/components/states";
import { signInPath } from "@/features/sign-in/return-to";
import { useProfile, useSignOut } from "@/session/session";

const ITEM =
  "flex w-full items-center rounded px-3 py-2 text-sm outline-none data-[highlighted]:bg-sunken data-[highlighted]:text-text";

/** Who is signed in, and the way out; the way in for everybody else. */
export function SessionMenu() {
  const path = usePathname();
  const router = useRouter();
  const profile = useProfile();
  const signOut = useSignOut();
  if (profile.isPending) return <Skeleton className="h-9 w-9 rounded-full" />;
  if (!profile.data) {
    return (
      <Link className={buttonClasses("primary", "small")} href={signInPath(path)}>
        Sign in
      </Link>
    );
  }
  const { email, plan, role } = profile.data;
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger
        aria-label={`Account of ${email}`}
        className="grid h-9 w-9 place-items-center rounded-md text-soft hover:bg-sunken hover:text-text"
      >
        <CircleUserRound size={20} aria-hidden />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={6}
          className="z-40 min-w-56 rounded-lg border border-line bg-raised p-1.5 text-soft shadow-raised"
        >
          <div className="px-3 py-2">
            <p className="truncate text-sm font-medium text-text">{email}</p>
            <p className="text-xs">Plan: {plan.plan}</p>
          </div>
          <DropdownMenu.Separator className="my-1 h-px bg-line" />
          <DropdownMenu.Item asChild>
            <Link href="/account/" className={ITEM}>
              Account
            </Link>
          </DropdownMenu.Item>
          {role === "admin" && (
            <DropdownMenu.Item asChild>
              <Link href="/admin/" className={ITEM}>
                Administration
              </Link>
            </DropdownMenu.Item>
          )}
          <DropdownMenu.Item
            className={ITEM}
            onSelect={() => signOut.mutate(undefined, { onSettled: () => router.push("/") })}
          >
            Sign out
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
