import type { Backtest } from "./backtests";
import { progressOf } from "./words";

/** How far a backtest is: a bar where it is known of how much, and the words of it always. */
export function Progress({ backtest }: { backtest: Backtest }) {
  const { words, share } = progressOf(backtest);
  return (
    <div className="min-w-40">
      <p className="numeric text-sm text-soft">{words}</p>
      <div
        role="progressbar"
        aria-label="Progress"
        aria-valuetext={words}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === null ? undefined : Math.round(share * 100)}
        className="mt-1.5 h-1.5 overflow-hidden rounded-full bg-sunken ring-1 ring-line"
      >
        <div
          className={`h-full rounded-full bg-accent ${share === null ? "w-full animate-pulse opacity-40" : "transition-[width]"}`}
          style={share === null ? undefined : { width: `${share * 100}%` }}
        />
      </div>
    </div>
  );
}
