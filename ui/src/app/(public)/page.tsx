import Link from "next/link";
import { buttonClasses } from "@/components/button";
import { SignalList } from "@/features/signals/signal-list";

const PROMISES = [
  [
    "Nothing looks ahead",
    "A signal is decided from closed bars only, and stamped with the bar at whose close it was known.",
  ],
  ["Nothing repaints", "What was published is never changed or withdrawn. A signal that loses stays in the record."],
  ["One engine", "Backtest, backfill and live run the same compiled code, and give the same rows bit for bit."],
] as const;

export default function Page() {
  return (
    <main className="mx-auto w-full max-w-6xl flex-1 px-4 py-12 sm:px-6">
      <section className="max-w-2xl">
        <h1 className="text-3xl font-semibold tracking-tight text-balance sm:text-4xl">
          Trading signals that can be checked
        </h1>
        <p className="mt-4 text-lg text-soft">
          Market structure, order blocks and signals of crypto markets, with the reasons and the risk behind each, and a
          record that nobody can edit.
        </p>
        <div className="mt-6 flex flex-wrap gap-3">
          <Link className={buttonClasses("primary")} href="/register/">
            Make an account
          </Link>
          <Link className={buttonClasses("secondary")} href="/signals/">
            Look around
          </Link>
        </div>
      </section>
      <section className="mt-12 grid gap-4 sm:grid-cols-3" aria-label="What can be relied on">
        {PROMISES.map(([title, text]) => (
          <div key={title} className="rounded-lg border border-line bg-surface p-4">
            <h2 className="font-semibold">{title}</h2>
            <p className="mt-1 text-sm text-soft">{text}</p>
          </div>
        ))}
      </section>
      <section className="mt-12">
        <h2 className="text-xl font-semibold tracking-tight">Published lately</h2>
        <p className="mt-1 mb-4 text-soft">Everybody sees these, fifteen minutes after they were decided.</p>
        <SignalList filter={{}} />
      </section>
    </main>
  );
}
