import { formatR, formatShare } from "@/format/numbers";
import type { Schema } from "@/api/client";

export type TrackRecord = Schema<"TrackRecord">;

/** Closed signals below which nobody can tell skill from luck. */
export const FEW = 30;

/** What a track record says, in words: how sure one can be, before how good it looks. */
export function reading(record: Pick<TrackRecord, "sample_size" | "expectancy_r" | "win_rate_low" | "win_rate_high">) {
  const { sample_size, expectancy_r } = record;
  if (sample_size === 0) return "Nothing has ended yet, so nothing can be said.";
  if (sample_size < FEW) {
    return `Only ${sample_size} signals have ended. That is too few to tell anything from luck.`;
  }
  const range = `The true win rate is between ${formatShare(record.win_rate_low)} and ${formatShare(record.win_rate_high)}, 19 times out of 20.`;
  if (expectancy_r == null || expectancy_r <= 0) return `It lost on average, before costs. ${range}`;
  return `It gained ${formatR(expectancy_r)} a signal on average, before costs, which come off that. ${range}`;
}

/** Several records as one. Averages count by how many signals they are of. */
export function total(records: readonly TrackRecord[]) {
  const ended = records.reduce((sum, one) => sum + one.sample_size, 0);
  const r = records.reduce((sum, one) => sum + one.total_r, 0);
  return {
    signals: records.reduce((sum, one) => sum + one.signals, 0),
    open: records.reduce((sum, one) => sum + one.open_signals, 0),
    ended,
    wins: records.reduce((sum, one) => sum + one.wins, 0),
    total_r: r,
    expectancy_r: ended ? r / ended : null,
  };
}
