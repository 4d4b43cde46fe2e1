import { type ReactNode, useId } from "react";

/** A part of what is told about one signal. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="border-t border-line py-4 first:border-0 first:pt-0">
      <h3 id={id} className="mb-2 text-sm font-semibold text-soft">
        {title}
      </h3>
      {children}
    </section>
  );
}

/** Names and values, one pair a line. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="text-sm">
      {rows.map(([name, value]) => (
        <div key={name} className="flex items-baseline justify-between gap-4 py-1">
          <dt className="text-soft">{name}</dt>
          <dd className="numeric text-right">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
