"use client";

import Link from "next/link";
import { DropdownMenu } from "radix-ui";
import type { Profile } from "@/session/session";
import { SESSION_BUTTON, SESSION_FACE } from "./session-button";

const ITEM =
  "flex w-full items-center rounded px-3 py-2 text-sm outline-none data-[highlighted]:bg-sunken data-[highlighted]:text-text";

/** The menu of whoever is signed in. It is brought when it is first asked for, and opens at once. */
export default function SessionDropdown({ profile, onSignOut }: { profile: Profile; onSignOut: () => void }) {
  const { email, plan, role } = profile;
  return (
    <DropdownMenu.Root defaultOpen>
      <DropdownMenu.Trigger aria-label={`Account of ${email}`} className={SESSION_BUTTON}>
        {SESSION_FACE}
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
          <DropdownMenu.Item className={ITEM} onSelect={onSignOut}>
            Sign out
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
