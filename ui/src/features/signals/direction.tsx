import { ArrowDown, ArrowUp } from "lucide-react";
import { Badge } from "@/components/states";
import { formatR } from "@/format/numbers";
import { outcomeWord, type Signal } from "./signals";

export function Direction({ direction }: { direction: number }) {
  const long = direction > 0;
  const Icon = long ? ArrowUp : ArrowDown;
  return (
    <Badge tone={long ? "up" : "down"}>
      <Icon size={14} aria-hidden className="mr-0.5" />
      {long ? "Long" : "Short"}
    </Badge>
  );
}

/** What has become of a signal: its result, and in a word why. */
export function Result({ signal, locale }: { signal: Signal; locale: string }) {
  const tone = signal.result_r == null ? "" : signal.result_r >= 0 ? "text-up" : "text-down";
  return (
    <span className={`numeric ${tone}`}>
      {signal.result_r != null && <span className="mr-2">{formatR(signal.result_r, locale)}</span>}
      <span className="text-soft">{outcomeWord(signal)}</span>
      {signal.takedown && (
        <span className="ml-2">
          <Badge tone="warn">Taken down</Badge>
        </span>
      )}
    </span>
  );
}
