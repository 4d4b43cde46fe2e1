"use client";

import { Search } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";

const load = () => import("./palette-dialog");
const PaletteDialog = lazy(load);

/** Everything by a few letters: markets, places and switches. Opens by Ctrl or Cmd with K; brought when first asked for. */
export function CommandPalette() {
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState(false);

  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      // Whoever reaches for Ctrl or Cmd may mean it: it is brought while the other key is still being pressed.
      if (event.key === "Control" || event.key === "Meta") void load();
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      setAsked(true);
      setOpen((was) => !was);
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  return (
    <>
      <button
        type="button"
        aria-haspopup="dialog"
        onClick={() => {
          setAsked(true);
          setOpen(true);
        }}
        className="flex h-9 min-w-0 flex-1 items-center gap-2 rounded-md border border-line bg-sunken px-3 text-sm text-faint hover:border-line-strong sm:max-w-80"
      >
        <Search size={16} aria-hidden className="shrink-0" />
        <span className="truncate">Go to …</span>
        <kbd className="ml-auto hidden font-mono text-xs sm:block">Ctrl K</kbd>
      </button>
      {asked && (
        <Suspense>
          <PaletteDialog open={open} onOpenChange={setOpen} />
        </Suspense>
      )}
    </>
  );
}
