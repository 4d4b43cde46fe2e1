"use client";

import { useRouter, useSearchParams } from "next/navigation";
import { Tabs } from "radix-ui";
import type { ComponentType } from "react";
import { PageHeader } from "@/components/page-header";
import { EmptyState, Skeleton } from "@/components/states";
import { useProfile } from "@/session/session";
import { AuditLog } from "./audit-log";
import { DataQuality } from "./data-quality";
import { Features } from "./features";
import { People } from "./people";
import { System } from "./system";
import { Takedowns } from "./takedowns";

const TABS: readonly [string, string, ComponentType][] = [
  ["system", "System", System],
  ["data", "Data quality", DataQuality],
  ["people", "People", People],
  ["signals", "Signals", Takedowns],
  ["features", "Features", Features],
  ["audit", "Audit log", AuditLog],
];

export function AdminPage() {
  const router = useRouter();
  const shown = useSearchParams().get("tab") ?? "system";
  const profile = useProfile();
  if (profile.isPending) return <Skeleton className="h-96" />;
  if (profile.data?.role !== "admin") {
    return <EmptyState title="This is for administrators">Sign in with an account that is one.</EmptyState>;
  }
  return (
    <>
      <PageHeader title="Administration">Whatever is done here stays in the audit log, with its reason.</PageHeader>
      {!profile.data.second_factor_shown && (
        <p role="note" className="mb-4 rounded-md border border-warn bg-warn-soft px-3 py-2 text-sm">
          This session was opened without a second factor. Unless the instance allows that, nothing here is shown until
          you sign in with one.
        </p>
      )}
      <Tabs.Root value={shown} onValueChange={(tab) => router.replace(`/admin/?tab=${tab}`, { scroll: false })}>
        <Tabs.List
          aria-label="Parts of the administration"
          className="mb-5 flex gap-1 overflow-x-auto border-b border-line"
        >
          {TABS.map(([name, label]) => (
            <Tabs.Trigger
              key={name}
              value={name}
              className="border-b-2 border-transparent px-3 py-2 text-sm font-medium whitespace-nowrap text-soft hover:text-text data-[state=active]:border-accent data-[state=active]:text-text"
            >
              {label}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {TABS.map(([name, , Part]) => (
          <Tabs.Content key={name} value={name}>
            <Part />
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </>
  );
}
