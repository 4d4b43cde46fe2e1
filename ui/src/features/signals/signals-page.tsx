"use client";

import { Keyboard } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/button";
import { PageHeader } from "@/components/page-header";
import { FirstSteps } from "@/features/first-steps/first-steps";
import { useProfile } from "@/session/session";
import { useAddress } from "@/shell/address";
import { Export } from "./export";
import { filterOf, neighbour } from "./filter";
import { FilterField, SeriesFilters } from "./filter-fields";
import { KeyHelp, useListKeys } from "./keys";
import { NewSignals } from "./new-signals";
import { SignalDrawer } from "./signal-drawer";
import { SignalList } from "./signal-list";

/** Links to the signals that can be seen: the list is there twice, for wide screens and for narrow ones. */
function links(): HTMLAnchorElement[] {
  return [...document.querySelectorAll<HTMLAnchorElement>("a[data-signal]")].filter((one) => one.offsetParent !== null);
}

export function SignalsPage() {
  const [search, change] = useAddress();
  const profile = useProfile();
  const delay = profile.data?.plan.signal_delay_s ?? 900;
  const filter = filterOf(search);
  const id = search.get("id");
  const [selected, setSelected] = useState<string | null>(null);
  const [help, setHelp] = useState(false);

  function open(next: string) {
    setSelected(next);
    change({ id: next }, "push");
  }

  const [keysOn, turnKeys] = useListKeys({
    move: (step) => {
      const shown = links();
      const next = neighbour(
        shown.map((one) => one.dataset.signal ?? ""),
        selected,
        step,
      );
      setSelected(next);
      const link = shown.find((one) => one.dataset.signal === next);
      link?.focus({ preventScroll: true });
      link?.closest("tr, li")?.scrollIntoView({ block: "center" });
    },
    open: () => selected !== null && open(selected),
    help: () => setHelp(true),
  });

  return (
    <>
      <FirstSteps />
      <PageHeader title="Signals">
        As they were published, never changed afterwards.{" "}
        {profile.isSuccess && delay > 0 && `Your plan shows them ${Math.round(delay / 60)} minutes late.`}
      </PageHeader>
      <div className="mb-4 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <div className="grid w-full grid-cols-2 gap-3 sm:flex sm:w-auto sm:flex-wrap">
          <SeriesFilters />
          <FilterField
            label="Side"
            name="direction"
            all="Both"
            options={[
              ["long", "Long"],
              ["short", "Short"],
            ]}
          />
          <FilterField
            label="Status"
            name="status"
            all="All"
            options={[
              ["open", "Open"],
              ["closed", "Ended"],
            ]}
          />
        </div>
        <div className="-ml-2.5 flex flex-wrap items-center">
          <NewSignals filter={filter} onOpen={open} />
          <Export filter={filter} allowed={profile.data?.plan.export ?? false} />
          <Button size="small" kind="quiet" className="hidden md:inline-flex" onClick={() => setHelp(true)}>
            <Keyboard size={16} aria-hidden />
            Keys
          </Button>
        </div>
      </div>
      <SignalList filter={filter} selected={selected} onOpen={open} />
      {id && (
        <SignalDrawer
          key={id}
          id={id}
          onClose={() => change({ id: "" }, "push")}
          returnTo={() => links().find((one) => one.dataset.signal === id)}
        />
      )}
      <KeyHelp open={help} onOpenChange={setHelp} on={keysOn} turn={turnKeys} />
    </>
  );
}
