"use client";

import { useEffect, useEffectEvent } from "react";
import { Dialog } from "@/components/dialog";
import { useChoice } from "@/session/choice";

export const KEYS = [
  ["j", "next signal"],
  ["k", "previous signal"],
  ["Enter", "open it"],
  ["Escape", "close it"],
  ["?", "these keys"],
] as const;

interface Deeds {
  move: (step: 1 | -1) => void;
  open: () => void;
  help: () => void;
}

/** Whether a key belongs to what has the focus, or to a dialog that is open. */
function taken(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return true;
  const target = event.target instanceof Element ? event.target : null;
  return target?.closest("input, select, textarea, [contenteditable], [role=dialog]") !== null;
}

/** Goes through a list by single keys, unless they are turned off. */
export function useListKeys(deeds: Deeds): readonly [boolean, (on: boolean) => void] {
  const [kept, keep] = useChoice("single-keys", "on");
  const on = kept === "on";
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (taken(event)) return;
    if (event.key === "j") deeds.move(1);
    else if (event.key === "k") deeds.move(-1);
    else if (event.key === "?") deeds.help();
    // A link or a button that has the focus is pressed by Enter itself.
    else if (event.key === "Enter" && !(event.target as Element).closest("a, button, summary")) deeds.open();
    else return;
    event.preventDefault();
  });
  useEffect(() => {
    if (!on) return undefined;
    const listen = (event: KeyboardEvent) => press(event);
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [on]);
  return [on, (next) => keep(next ? "on" : "off")];
}

interface HelpProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  on: boolean;
  turn: (on: boolean) => void;
}

export function KeyHelp({ open, onOpenChange, on, turn }: HelpProps) {
  return (
    <Dialog title="Keys on this page" open={open} onOpenChange={onOpenChange}>
      <dl className="text-base">
        {KEYS.map(([key, what]) => (
          <div key={key} className="flex items-center gap-4 py-1.5">
            <dt className="w-20">
              <kbd className="rounded border border-line-strong bg-sunken px-2 py-0.5 font-mono text-sm">{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label className="mt-3 flex items-center gap-2 border-t border-line pt-3">
        <input type="checkbox" checked={on} onChange={(event) => turn(event.target.checked)} />
        Single keys work on this page
      </label>
    </Dialog>
  );
}
