import type { ReactNode } from "react";
import { messageOf } from "@/api/problem";
import { ApiProblem } from "@/api/problem";
import { Button } from "./button";
import { classes } from "./classes";

/** Stands where something will be, in its size, until it is there. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={classes("animate-pulse rounded-md bg-sunken", className)} />;
}

/** Says that there is nothing, why, and what to do about it. */
export function EmptyState({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 rounded-lg border border-dashed border-line-strong px-6 py-12 text-center">
      <h2 className="text-base font-semibold">{title}</h2>
      {children && <div className="max-w-prose text-soft">{children}</div>}
      {action && <div className="mt-3">{action}</div>}
    </div>
  );
}

/** Says what went wrong and offers to try again. */
export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div role="alert" className="flex flex-col items-start gap-2 rounded-lg border border-down bg-down-soft px-4 py-3">
      <p className="text-text">{messageOf(error)}</p>
      {error instanceof ApiProblem && error.requestId && (
        <p className="text-sm text-soft">
          Quote <code className="font-mono">{error.requestId}</code> if you report it.
        </p>
      )}
      {retry && (
        <Button size="small" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** A word in a small frame; its colour says nothing that the word does not. */
export function Badge({ tone = "plain", children }: { tone?: "plain" | "up" | "down" | "warn"; children: ReactNode }) {
  const tones = {
    plain: "bg-sunken text-soft",
    up: "bg-up-soft text-up",
    down: "bg-down-soft text-down",
    warn: "bg-warn-soft text-warn",
  };
  return (
    <span className={classes("inline-flex rounded px-1.5 py-0.5 text-xs font-medium", tones[tone])}>{children}</span>
  );
}
