"use client";

import { type ReactNode, Suspense, useState } from "react";

interface Props {
  label: string;
  className: string;
  face: ReactNode;
  /** Asked for by other means than the button, as by a key. */
  asked?: boolean;
  onAsk?: () => void;
  children: ReactNode;
}

/**
 * A button before something whose code is brought when it is first asked for. What is behind it has a button of its own
 * that looks the same, and opens as soon as it is there.
 */
export function OnDemand({ label, className, face, asked = false, onAsk, children }: Props) {
  const [was, setWas] = useState(false);
  if (asked && !was) setWas(true);
  const button = (
    <button
      type="button"
      aria-label={label}
      aria-haspopup="true"
      className={className}
      onClick={() => {
        setWas(true);
        onAsk?.();
      }}
    >
      {face}
    </button>
  );
  return was ? <Suspense fallback={button}>{children}</Suspense> : button;
}
