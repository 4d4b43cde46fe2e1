import { formatPrice } from "@/format/numbers";
import type { NewSignal } from "@/live/protocol";

/** What a notification says of a new signal. */
export function notice(signal: NewSignal, locale: string): { title: string; body: string } {
  const side = signal.direction > 0 ? "long" : "short";
  const price = (value: number) => formatPrice(value, locale);
  return {
    title: `${signal.market.split(":")[1]} ${signal.timeframe} ${side}${signal.simulated ? ", simulated" : ""}`,
    body: `${signal.strategy}: entry ${price(signal.entry)}, stop ${price(signal.stop)}, target ${price(signal.target_1)}`,
  };
}
