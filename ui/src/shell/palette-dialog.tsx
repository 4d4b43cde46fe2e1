"use client";

import { Command } from "cmdk";
import { useRouter, useSearchParams } from "next/navigation";
import { Dialog } from "radix-ui";
import { chooseSeries, timeframesOf, useMarkets } from "@/features/market/markets";
import { useChoice } from "@/session/choice";
import { useTheme } from "@/session/theme";
import { PLACES } from "./places";

const ITEM =
  "flex cursor-pointer items-center justify-between gap-3 rounded-md px-3 py-2 text-sm text-soft data-[selected=true]:bg-sunken data-[selected=true]:text-text";
const HEADING = "px-3 pt-3 pb-1 text-xs font-medium text-faint";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** What the palette offers. */
export default function PaletteDialog({ open, onOpenChange }: Props) {
  const router = useRouter();
  const markets = useMarkets();
  const { theme, setTheme } = useTheme();
  const search = useSearchParams();
  const [last] = useChoice<{ market: string; timeframe: string } | null>("market.last", null);
  const shown = chooseSeries(markets.data ?? [], search.get("market") ?? last?.market ?? null, null);
  const frames = timeframesOf(shown?.market);

  function act(what: () => void) {
    onOpenChange(false);
    what();
  }

  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed top-[12dvh] left-1/2 z-50 w-[min(36rem,calc(100vw-2rem))] -translate-x-1/2 overflow-hidden rounded-lg border border-line bg-raised shadow-raised"
        >
          <Dialog.Title className="sr-only">Go to a place or use a switch</Dialog.Title>
          <Command label="Go to a place or use a switch" loop>
            <Command.Input
              placeholder="Type a few letters"
              className="h-12 w-full border-b border-line bg-transparent px-4 text-base outline-none placeholder:text-faint"
            />
            <Command.List className="max-h-80 overflow-y-auto p-1.5">
              <Command.Empty className="px-3 py-6 text-center text-sm text-soft">Nothing of that name</Command.Empty>
              {(markets.data ?? []).length > 0 && (
                <Command.Group heading={<span className={HEADING}>Markets</span>}>
                  {markets.data?.map(({ market, symbol, exchange }) => (
                    <Command.Item
                      key={market}
                      value={market}
                      className={ITEM}
                      onSelect={() => act(() => router.push(`/market/?market=${market}`))}
                    >
                      <span className="font-medium">{symbol}</span>
                      <span className="text-faint">{exchange}</span>
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
              {frames.length > 0 && (
                <Command.Group heading={<span className={HEADING}>Timeframes of {shown?.market.symbol}</span>}>
                  {frames.map((one) => (
                    <Command.Item
                      key={one}
                      value={`timeframe ${one}`}
                      className={ITEM}
                      onSelect={() =>
                        act(() => router.push(`/market/?market=${shown?.market.market}&timeframe=${one}`))
                      }
                    >
                      {one}
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
              <Command.Group heading={<span className={HEADING}>Places</span>}>
                {PLACES.map(({ href, label, icon: Icon }) => (
                  <Command.Item key={href} className={ITEM} onSelect={() => act(() => router.push(href))}>
                    <span className="flex items-center gap-3">
                      <Icon size={16} aria-hidden />
                      {label}
                    </span>
                  </Command.Item>
                ))}
              </Command.Group>
              <Command.Group heading={<span className={HEADING}>Switches</span>}>
                <Command.Item
                  className={ITEM}
                  onSelect={() => act(() => setTheme(theme === "dark" ? "light" : "dark"))}
                >
                  Use the {theme === "dark" ? "light" : "dark"} theme
                </Command.Item>
              </Command.Group>
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
