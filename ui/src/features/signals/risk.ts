/** What is at stake in a signal, computed from its prices alone. */

interface Plan {
  direction: 1 | -1;
  entry: number;
  stop: number;
}

/** Distance from the entry to a price, as a fraction of the entry; above zero where it gains. */
export function gainAt(plan: Plan, price: number): number {
  return (plan.direction * (price - plan.entry)) / plan.entry;
}

/** Gain at a price in units of the risk; the stop is at -1. */
export function multipleAt(plan: Plan, price: number): number {
  return (price - plan.entry) / (plan.entry - plan.stop);
}

/** Units of the risk that costs of this fraction of the position take away. */
export function costInR(plan: Plan, costs: number): number {
  return costs / Math.abs(gainAt(plan, plan.stop));
}

/** Share of signals that have to win for nothing to be lost, if each wins so many units of risk or loses one. */
export function breakEven(multiple: number): number | null {
  return multiple > 0 ? 1 / (1 + multiple) : null;
}

export interface Position {
  /** What is lost at the stop, in the currency of the account. */
  loss: number;
  /** Units of what is traded. */
  size: number;
  /** Worth at entry. */
  notional: number;
  /** Worth over account; above one it has to be borrowed. */
  leverage: number;
}

/** How much to trade so that the stop costs this percentage of an account; null for what makes no sense. */
export function positionFor(plan: Plan, account: number, percent: number): Position | null {
  const distance = Math.abs(plan.entry - plan.stop);
  const sensible = [account, percent, distance].every((one) => Number.isFinite(one) && one > 0);
  if (!sensible || percent > 100) return null;
  const loss = (account * percent) / 100;
  const size = loss / distance;
  const notional = size * plan.entry;
  return { loss, size, notional, leverage: notional / account };
}

const QUOTES = ["USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "BTC", "ETH", "BNB"];

/** What is traded and what it is paid in, where the symbol tells. */
export function currenciesOf(market: string): { base: string; quote: string } {
  const symbol = market.split(":")[1] ?? market;
  const quote = QUOTES.find((one) => symbol.endsWith(one) && symbol.length > one.length);
  if (quote === undefined) return { base: symbol, quote: "" };
  return { base: symbol.slice(0, -quote.length).replace(/[-_/]$/, ""), quote };
}
