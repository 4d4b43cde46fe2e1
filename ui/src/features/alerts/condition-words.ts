import { formatPrice } from "@/format/numbers";
import type { Schema } from "@/api/client";

export type Condition = Schema<"AlertShown">["condition"];

function only(names: readonly string[] | null | undefined, all: string): string {
  return names?.length ? names.map((name) => name.split(":").at(-1)).join(", ") : all;
}

/** What an alert waits for, in a sentence. */
export function conditionWords(condition: Condition, locale = "en"): string {
  switch (condition.kind) {
    case "signal":
    case "outcome": {
      const side = condition.direction === 1 ? "long " : condition.direction === -1 ? "short " : "";
      const what = condition.kind === "signal" ? `A ${side}signal` : `A ${side}signal ends`;
      const by = condition.strategy ? ` of ${condition.strategy}` : "";
      const frames = condition.timeframes?.length ? ` on ${condition.timeframes.join(", ")}` : "";
      const score = condition.minimum_score ? `, score ${condition.minimum_score} or more` : "";
      return `${what}${by} in ${only(condition.markets, "any market")}${frames}${score}`;
    }
    case "price": {
      const way = { above: "rises above", below: "falls below", either: "crosses" }[condition.crosses ?? "either"];
      return `${only([condition.market], "")} ${way} ${formatPrice(condition.level, locale)} at the close of a ${condition.timeframe} bar`;
    }
    case "zone":
      return `Price touches ${condition.zone ? `an untouched ${condition.zone.replace("_", " ")}` : "an untouched zone"} of ${only(condition.markets, "any market")} on ${only(condition.timeframes, "any timeframe")}`;
    case "structure":
      return `${condition.event ? condition.event.toUpperCase() : "A break of structure"} ${condition.direction === 1 ? "upwards " : condition.direction === -1 ? "downwards " : ""}in ${only(condition.markets, "any market")} on ${only(condition.timeframes, "any timeframe")}`;
  }
}
