import type { ReactNode } from "react";

/** The narrow page that signing in and its like happen on. */
export function Card({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  return (
    <main className="mx-auto flex w-full max-w-sm flex-1 flex-col justify-center px-4 py-10">
      <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
      {lead && <p className="mt-2 text-soft">{lead}</p>}
      <div className="mt-6 flex flex-col gap-4">{children}</div>
    </main>
  );
}

/** What went wrong with the whole form, where it is read out. */
export function FormError({ children }: { children: ReactNode }) {
  return (
    <p role="alert" className="rounded-md border border-down bg-down-soft px-3 py-2 text-sm text-text">
      {children}
    </p>
  );
}
