import { describe, expect, it } from "vitest";
import { type Plan, planWords, stateWords } from "./plan-words";

const plan: Plan = {
  plan: "free",
  name: "Free",
  price_minor: 0,
  currency: "EUR",
  interval: "month",
  trial_days: 0,
  markets: null,
  timeframes: null,
  signal_delay_s: 900,
  history_s: null,
  streams: 1,
  alerts: 0,
  webhooks: 2,
  api_keys: 1,
  backtests: 3,
  requests_per_minute: 1200,
  burst: 100,
  export: false,
};

describe("a plan in words", () => {
  it("says what it gives, and what it does not", () => {
    expect(planWords(plan)).toEqual([
      "Signals 15 minutes late",
      "All markets",
      "All of the history",
      "No alerts",
      "2 webhooks",
      "1 live stream",
      "1 API key",
      "3 backtests a day",
      "1,200 requests a minute",
      "No download",
    ]);
    expect(planWords({ ...plan, signal_delay_s: 0, export: true, history_s: 864_000 })).toEqual(
      expect.arrayContaining(["Signals at once", "10 days of history", "Download of all signals"]),
    );
  });
});

describe("a subscription in words", () => {
  const subscription = {
    subscription_id: "a",
    plan: "pro",
    next_plan: null,
    status: "active",
    provider: "manual",
    period_start: null,
    period_end: null,
    trial_end: null,
    cancel_at_period_end: false,
    past_due_since: null,
    entitled_until: null,
    ended_at: null,
    checkout_url: null,
    created_at: "2024-01-01T00:00:00.000Z",
  } as const;

  it("says what comes next", () => {
    expect(stateWords(subscription)).toBe("Active");
    expect(stateWords({ ...subscription, next_plan: "free" })).toBe("Active, then free");
    expect(stateWords({ ...subscription, status: "trialing", cancel_at_period_end: true })).toBe(
      "Ends with the period",
    );
    expect(stateWords({ ...subscription, status: "ended", cancel_at_period_end: true })).toBe("Ended");
  });
});
