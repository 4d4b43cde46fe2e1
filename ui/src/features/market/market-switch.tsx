"use client";

import { Command } from "cmdk";
import { Popover } from "radix-ui";
import { type ReactNode, useState } from "react";
import { Badge } from "@/components/states";
import { MARKET_BUTTON } from "./market-button";
import type { Market } from "./markets";

/** The market that is shown, and the way to another by a few letters. */
export default function MarketSwitch({
  face,
  markets,
  chosen,
  onChoose,
}: {
  face: ReactNode;
  markets: readonly Market[];
  chosen: Market;
  onChoose: (market: string) => void;
}) {
  const [open, setOpen] = useState(true);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger aria-label={`Market ${chosen.symbol}, choose another`} className={MARKET_BUTTON}>
        {face}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={6}
          aria-label="Markets"
          className="z-40 w-72 overflow-hidden rounded-lg border border-line bg-raised shadow-raised"
        >
          <Command label="Markets" loop>
            <Command.Input
              placeholder="Look for a market"
              className="h-11 w-full border-b border-line bg-transparent px-4 text-base outline-none placeholder:text-faint"
            />
            <Command.List className="max-h-80 overflow-y-auto p-1.5">
              <Command.Empty className="px-3 py-6 text-center text-sm text-soft">No such market</Command.Empty>
              {markets.map(({ market, symbol, exchange, simulated }) => (
                <Command.Item
                  key={market}
                  value={market}
                  onSelect={() => {
                    setOpen(false);
                    onChoose(market);
                  }}
                  className="flex cursor-pointer items-center justify-between gap-3 rounded-md px-3 py-2 text-sm data-[selected=true]:bg-sunken"
                >
                  <span className="font-medium">{symbol}</span>
                  <span className="text-faint">{simulated ? <Badge tone="warn">Simulated</Badge> : exchange}</span>
                </Command.Item>
              ))}
            </Command.List>
          </Command>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
