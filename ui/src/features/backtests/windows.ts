import { formatCount } from "@/format/numbers";
import type { Row, Value } from "./backtests";

const PLACES = new Set(["train_begin", "train_end", "test_begin", "test_end"]);
const MEASURED = /^(train|test)_(annual_return|sharpe|total_return|trades)$/;

export function number(value: Value | null | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/** The parameters of a window that its train bars made it choose. */
export function chosenOf(row: Row): [string, Value | null][] {
  return Object.entries(row).filter(([name]) => !PLACES.has(name) && !MEASURED.test(name));
}

/** What the windows say together. */
export function windowWords(windows: readonly Row[]): string {
  const gained = (name: string) => windows.filter((row) => (number(row[name]) ?? 0) > 0).length;
  const [before, after] = [gained("train_total_return"), gained("test_total_return")];
  const count = formatCount(windows.length);
  const kept = windows.filter(
    (row) => (number(row.train_total_return) ?? 0) > 0 && (number(row.test_total_return) ?? 0) > 0,
  );
  const held = before
    ? ` Of those that gained where they were chosen, ${kept.length} of ${before} gained afterwards too.`
    : "";
  return `What was chosen gained in ${before} of ${count} stretches it was chosen on, and in ${after} of ${count} that came after.${held}`;
}
