import type { ButtonHTMLAttributes } from "react";
import { classes } from "./classes";

type Kind = "primary" | "secondary" | "quiet" | "danger";
type Size = "small" | "normal";

const KINDS: Record<Kind, string> = {
  primary: "bg-accent text-on-accent hover:brightness-110",
  secondary: "border border-line-strong bg-surface text-text hover:bg-sunken",
  quiet: "text-soft hover:bg-sunken hover:text-text",
  danger: "border border-down text-down hover:bg-down-soft",
};
const SIZES: Record<Size, string> = { small: "h-8 px-2.5 text-sm", normal: "h-10 px-4 text-base" };

/** Classes of a button, for links that look like one. */
export function buttonClasses(kind: Kind = "secondary", size: Size = "normal"): string {
  return classes(
    "inline-flex items-center justify-center gap-2 rounded-md font-medium whitespace-nowrap transition-colors",
    "disabled:cursor-not-allowed disabled:opacity-50",
    KINDS[kind],
    SIZES[size],
  );
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  size?: Size;
  /** Something is on its way: it cannot be pressed again meanwhile. */
  busy?: boolean;
}

export function Button({ kind, size, busy = false, disabled, className, children, type = "button", ...rest }: Props) {
  return (
    <button
      type={type}
      className={classes(buttonClasses(kind, size), className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {children}
      {busy && <span aria-hidden className="h-1.5 w-1.5 animate-pulse rounded-full bg-current" />}
    </button>
  );
}
