import type { ReactNode } from "react";

/** A number with its name, and what it means below. */
export function Stat({ name, value, children }: { name: string; value: ReactNode; children?: ReactNode }) {
  return (
    <div className="rounded-lg border border-line bg-surface p-4">
      <dt className="text-sm text-soft">{name}</dt>
      <dd className="numeric mt-1 text-2xl font-semibold tracking-tight">{value}</dd>
      {children && <dd className="mt-1 text-sm text-faint">{children}</dd>}
    </div>
  );
}
