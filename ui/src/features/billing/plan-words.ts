import type { Schema } from "@/api/client";

export type Plan = Schema<"PlanShown">;

function count(number: number, one: string, many: string): string {
  return number === 0 ? `No ${many}` : number === 1 ? `1 ${one}` : `${number.toLocaleString("en")} ${many}`;
}

/** What a plan gives, in a few lines. */
export function planWords(plan: Plan): string[] {
  return [
    plan.signal_delay_s === 0 ? "Signals at once" : `Signals ${Math.round(plan.signal_delay_s / 60)} minutes late`,
    plan.markets === null ? "All markets" : count(plan.markets.length, "market", "markets"),
    plan.history_s === null ? "All of the history" : `${Math.round(plan.history_s / 86_400)} days of history`,
    count(plan.alerts, "alert", "alerts"),
    count(plan.webhooks, "webhook", "webhooks"),
    count(plan.streams, "live stream", "live streams"),
    count(plan.api_keys, "API key", "API keys"),
    count(plan.backtests, "backtest a day", "backtests a day"),
    `${plan.requests_per_minute.toLocaleString("en")} requests a minute`,
    plan.export ? "Download of all signals" : "No download",
  ];
}

/** What a subscription's state means for the person. */
export function stateWords(subscription: Schema<"SubscriptionShown">): string {
  if (subscription.cancel_at_period_end && subscription.status !== "ended") return "Ends with the period";
  switch (subscription.status) {
    case "incomplete":
      return "Waits for the first payment";
    case "trialing":
      return "Trial";
    case "active":
      return subscription.next_plan ? `Active, then ${subscription.next_plan}` : "Active";
    case "past_due":
      return "A payment is missing";
    case "unpaid":
      return "Not paid";
    case "ended":
      return "Ended";
  }
}
