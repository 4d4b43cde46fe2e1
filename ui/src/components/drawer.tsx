"use client";

import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";

interface Props {
  title: ReactNode;
  open: boolean;
  onClose: () => void;
  /** What is gone on from when it is closed. */
  returnTo?: () => HTMLElement | null | undefined;
  children: ReactNode;
}

/** One thing in full, over the list it is from: at the right side, or all over a small screen. */
export function Drawer({ title, open, onClose, returnTo, children }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/50" />
        <Radix.Content
          aria-describedby={undefined}
          onCloseAutoFocus={(event) => {
            const next = returnTo?.();
            if (!next) return;
            event.preventDefault();
            next.focus({ preventScroll: true });
          }}
          className="fixed inset-y-0 right-0 z-50 flex w-full flex-col border-l border-line bg-raised shadow-raised sm:w-[min(34rem,90vw)]"
        >
          <div className="flex items-center justify-between gap-3 border-b border-line px-4 py-3 sm:px-5">
            <Radix.Title className="min-w-0 text-lg font-semibold">{title}</Radix.Title>
            <Radix.Close
              aria-label="Close"
              className="grid h-9 w-9 shrink-0 place-items-center rounded-md text-soft hover:bg-sunken"
            >
              <X size={18} aria-hidden />
            </Radix.Close>
          </div>
          <div className="flex-1 overflow-y-auto overscroll-contain px-4 py-4 sm:px-5">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
