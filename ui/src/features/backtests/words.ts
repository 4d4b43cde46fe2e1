import { formatCount, formatShare } from "@/format/numbers";
import type { Backtest, Numbers, Sweep, Value, Verdict } from "./backtests";

/** Trades below which nobody can tell an edge from luck. */
export const FEW = 30;
/** What a probability must reach to count as shown. */
const SHOWN = 0.95;

export const KINDS: Record<Backtest["kind"], string> = {
  run: "One run",
  sweep: "Sweep",
  walk_forward: "Walk-forward",
};

export const FINDINGS: Record<Verdict["finding"], { words: string; tone: "plain" | "up" | "down" | "warn" }> = {
  edge: { words: "An edge after costs", tone: "up" },
  unproven: { words: "Not proven", tone: "warn" },
  no_edge: { words: "No edge after costs", tone: "warn" },
  loss: { words: "Loses after costs", tone: "down" },
  too_few: { words: "No verdict: too few trades", tone: "warn" },
};

export const STATES: Record<Backtest["status"], string> = {
  queued: "Waits",
  running: "Running",
  done: "Done",
  failed: "Failed",
  cancelled: "Given up",
};

/** How far a backtest is: in words, and as a part where it is known of how much. */
export function progressOf(backtest: Pick<Backtest, "status" | "stage" | "done" | "total">) {
  if (backtest.status === "queued") return { words: "Waits for a free runner", share: null };
  const stage = backtest.stage ?? "Begins";
  if (!backtest.total) return { words: stage, share: null };
  const share = Math.min(1, backtest.done / backtest.total);
  return { words: `${stage}: ${formatCount(backtest.done)} of ${formatCount(backtest.total)}`, share };
}

/** Which bars a verdict is about; how many trades is said in its own sentence. */
export function sampleWords(outOfSample: boolean): string {
  return outOfSample
    ? "These are bars that no parameter was chosen on."
    : "These are the bars that one looked at when choosing. Walk-forward tells what is left on others.";
}

/** What the costs were, in money and beside what was won before them. */
export function costWords(numbers: Numbers): string {
  const { fees, slippage_cost, funding, fees_share } = numbers;
  const money = (value: number) => value.toLocaleString("en", { maximumFractionDigits: 2, minimumFractionDigits: 2 });
  const parts = [
    fees == null ? "" : `fees ${money(fees)}`,
    slippage_cost == null ? "" : `slippage ${money(slippage_cost)}`,
    funding ? `funding ${money(funding)}` : "",
  ].filter(Boolean);
  if (!parts.length) return "";
  const eaten = fees_share == null ? "" : ` Fees ate ${formatShare(fees_share)} of what the winners made.`;
  return `Included: ${parts.join(", ")}.${eaten}`;
}

/** How far the best set of a sweep can be believed, as the sweep's own numbers say. */
export function overfittingWords(sweep: Sweep, deflated: number | null) {
  const count = formatCount(sweep.sets.length);
  const parts = [`The best of ${count} sets looks better than it is: it was chosen for looking so.`];
  const chance = sweep.overfitting;
  if (chance == null) {
    parts.push("How likely it is only the luckiest could not be worked out: too few sets or too few days.");
  } else {
    parts.push(
      `Chosen in one half of the time, the best set fell to the worse half of all sets in the other ${formatShare(chance)} of the times` +
        (chance >= 0.4
          ? ": choosing was little better than drawing lots, which gives 50%."
          : "; drawing lots gives 50%."),
    );
  }
  if (deflated != null) {
    parts.push(
      `Allowing for ${count} tries, the probability that its true Sharpe ratio is above 0 is ${formatShare(deflated)}` +
        (deflated < SHOWN ? `, not the ${formatShare(SHOWN)} that would show it.` : "."),
    );
  }
  const shown = deflated != null && deflated >= SHOWN;
  const title = !shown
    ? "No set is shown to have an edge"
    : chance == null || chance >= 0.1
      ? "The best set may be only the luckiest"
      : "The best of many";
  return { title, words: parts.join(" "), warn: !shown || chance == null || chance >= 0.1 };
}

const LABELS: Readonly<Record<string, string>> = {
  cash: "Cash at the start",
  sizing: "Size of a trade by",
  size: "Size",
  entry: "Enter by",
  valid_bars: "An entry waits, bars",
  break_even: "Stop to entry after the first target",
  time_stop_bars: "Close after so many bars",
  opposite: "On an opposite signal",
  leverage: "Leverage",
  "fees.maker_bp": "Maker fee, bp",
  "fees.taker_bp": "Taker fee, bp",
  "fees.liquidation_bp": "Liquidation fee, bp",
  "slippage.bp": "Slippage, bp",
  "slippage.impact_bp": "Impact of size, bp",
  "trailing.kind": "Trailing stop by",
  "trailing.distance": "Trailing distance",
  "trailing.activation_r": "Trails from, R",
  "trailing.atr_period": "Trailing ATR period",
};

export const HINTS: Readonly<Record<string, string>> = {
  size: "A part of the account, a value or a quantity, by what is chosen beside.",
  "fees.taker_bp": "1 bp is 0.01%.",
};

const CHOICES: Readonly<Record<string, string>> = {
  risk_fraction: "part of the account at risk",
  equity_fraction: "part of the account",
  fixed_notional: "fixed value",
  fixed_quantity: "fixed quantity",
  from_signal: "the signal's quantity",
  atr: "average true range",
};

/** A setting's name for people. */
export function labelOf(name: string): string {
  const known = LABELS[name];
  if (known) return known;
  const text = name
    .replace(/[._]/g, " ")
    .replace(/\b(atr|rsi|ema|bp)\b/g, (word) => (word === "bp" ? word : word.toUpperCase()));
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A value of a setting for people. */
export function valueWords(value: Value | null | undefined): string {
  return value == null ? "none" : typeof value === "number" ? String(value) : choiceWords(value);
}

export function choiceWords(value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return CHOICES[String(value)] ?? String(value).replaceAll("_", " ");
}
