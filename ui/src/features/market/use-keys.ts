"use client";

import { useEffect, useRef } from "react";
import { useChoice } from "@/session/choice";

/** What the keys of the page do. */
export interface Keys {
  onStep: (bars: number) => void;
  onZoom: (factor: number) => void;
  onNewest: () => void;
  onPlay: () => void;
  onReplay: () => void;
  onGoTo: () => void;
  onAlert: () => void;
  onMarket: (steps: number) => void;
  /** What may name a timeframe, as far as it is typed; after a pause, or Enter, it is done. */
  onTyped: (typed: string, done: boolean) => void;
}

const PAUSE_MS = 1_000;

function writing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest("input, select, textarea, [role=menu], [role=dialog]") !== null
  );
}

/** Keys of the page, while nothing is written anywhere. */
export function useKeys(keys: Keys): void {
  // Somebody who dictates can turn off keys that are single letters; the signals page has the switch.
  const [single] = useChoice("single-keys", "on");
  const held = useRef(keys);
  useEffect(() => {
    held.current = keys;
  });
  useEffect(() => {
    if (single !== "on") return undefined;
    let typed = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const done = () => {
      clearTimeout(timer);
      const whole = typed;
      typed = "";
      held.current.onTyped(whole, true);
    };
    const type = (next: string) => {
      typed = next;
      held.current.onTyped(typed, false);
      clearTimeout(timer);
      timer = setTimeout(done, PAUSE_MS);
    };
    const steps: Record<string, () => void> = {
      ArrowLeft: () => held.current.onStep(-1),
      ArrowRight: () => held.current.onStep(1),
      "+": () => held.current.onZoom(0.8),
      "-": () => held.current.onZoom(1.25),
      End: () => held.current.onNewest(),
      "[": () => held.current.onMarket(-1),
      "]": () => held.current.onMarket(1),
      g: () => held.current.onGoTo(),
      r: () => held.current.onReplay(),
      p: () => held.current.onPlay(),
      a: () => held.current.onAlert(),
    };
    function onKey(event: KeyboardEvent) {
      if (event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
      if (/^\d$/.test(event.key) || (typed !== "" && /^[mhdw]$/i.test(event.key))) {
        type(typed + event.key);
      } else if (event.key === "Enter" && typed !== "") {
        event.preventDefault();
        done();
      } else if (steps[event.key]) {
        event.preventDefault();
        steps[event.key]!();
      }
    }
    window.addEventListener("keydown", onKey);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("keydown", onKey);
    };
  }, [single]);
}
