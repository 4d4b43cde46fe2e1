"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { api, body } from "@/api/client";
import { messageOf } from "@/api/problem";
import { Button, buttonClasses } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { Skeleton } from "@/components/states";
import type { SignalFilter } from "./signals";

type Form = "csv" | "jsonl";

async function download(filter: SignalFilter, format: Form): Promise<void> {
  const rows = await body<Blob>(
    api.GET("/v1/signals/export", { params: { query: { ...filter, format } }, parseAs: "blob" }) as Promise<{
      data?: Blob;
    }>,
  );
  const url = URL.createObjectURL(rows);
  const link = document.createElement("a");
  link.href = url;
  link.download = `signals.${format}`;
  link.click();
  URL.revokeObjectURL(url);
}

/** Everything the filters let through, as a file; or what it takes to have that. */
export function Export({ filter, allowed }: { filter: SignalFilter; allowed: boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="small" kind="quiet" onClick={() => setOpen(true)}>
        <Download size={16} aria-hidden />
        Export
      </Button>
      <Dialog title="Export signals" open={open} onOpenChange={setOpen}>
        {allowed ? <Forms filter={filter} /> : <WhatItTakes />}
      </Dialog>
    </>
  );
}

function Forms({ filter }: { filter: SignalFilter }) {
  const make = useMutation({ mutationFn: (form: Form) => download(filter, form) });
  const narrowed = Object.values(filter).some((one) => one !== undefined);
  return (
    <>
      <p className="mb-4 text-soft">
        {narrowed ? "All signals that the filters let through" : "All signals that your plan shows"}, oldest first, with
        what became of each.
      </p>
      <div className="flex gap-2">
        <Button kind="primary" busy={make.isPending} onClick={() => make.mutate("csv")}>
          CSV
        </Button>
        <Button busy={make.isPending} onClick={() => make.mutate("jsonl")}>
          JSON lines
        </Button>
      </div>
      {make.isError && (
        <p role="alert" className="mt-3 text-down">
          {messageOf(make.error)}
        </p>
      )}
      {make.isSuccess && (
        <p role="status" className="mt-3 text-soft">
          The file is in your downloads.
        </p>
      )}
    </>
  );
}

function WhatItTakes() {
  const plans = useQuery({ queryKey: ["plans"], queryFn: () => body(api.GET("/v1/plans")) });
  if (plans.isPending) return <Skeleton className="h-20" />;
  const names = plans.data?.items.filter((plan) => plan.export).map((plan) => plan.name) ?? [];
  return (
    <>
      <p className="mb-4">
        Your plan has no export.{" "}
        {names.length > 0 &&
          `${names.length > 1 ? "The plans" : "The plan"} ${names.join(" and ")} can download all signals.`}
      </p>
      <Link href="/billing/" className={buttonClasses("primary")}>
        See the plans
      </Link>
    </>
  );
}
