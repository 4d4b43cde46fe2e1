import { formatShare, NOTHING } from "@/format/numbers";
import type { TrackRecord } from "./reading";

/** The win rate, and how far the true one may be from it: a bar from the lower to the upper bound, a mark at the rate. */
export function WinRate({ record }: { record: TrackRecord }) {
  const { win_rate, win_rate_low, win_rate_high } = record;
  if (win_rate == null || win_rate_low == null || win_rate_high == null) return <>{NOTHING}</>;
  return (
    <span className="flex items-center gap-2">
      <span className="numeric w-9 text-right">{formatShare(win_rate)}</span>
      <svg
        width="96"
        height="14"
        role="img"
        aria-label={`between ${formatShare(win_rate_low)} and ${formatShare(win_rate_high)}`}
        className="shrink-0"
      >
        <line x1="0" x2="96" y1="7" y2="7" stroke="var(--line-strong)" />
        <line x1="48" x2="48" y1="3" y2="11" stroke="var(--line-strong)" />
        <line
          x1={win_rate_low * 96}
          x2={win_rate_high * 96}
          y1="7"
          y2="7"
          stroke="var(--accent)"
          strokeWidth="4"
          strokeLinecap="round"
          opacity="0.45"
        />
        <circle cx={win_rate * 96} cy="7" r="3.5" fill="var(--accent)" />
      </svg>
    </span>
  );
}
