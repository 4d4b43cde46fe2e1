import type { Schema } from "@/api/client";
import { instantOf } from "@/format/times";

export type Settings = Schema<"AlertSettings">;
export type Condition = Settings["condition"];
export type Kind = Condition["kind"];
type Channel = Settings["channels"][number];
type Frame = Schema<"Timeframe">;
type Of<K extends Kind> = Extract<Condition, { kind: K }>;

/** Kinds of conditions, as they are offered. */
export const KINDS: Readonly<Record<Kind, string>> = {
  signal: "A signal is published",
  outcome: "A signal reaches a target, its stop or its end",
  price: "A price is crossed",
  zone: "A zone is touched for the first time",
  structure: "Structure breaks",
};

/** What a new alert begins with, where another page leads to it. */
export interface Start {
  kind: Kind;
  market?: string;
  timeframe?: string;
  level?: number;
}

/** Read what the address asks for; null for nothing that is known. */
export function startOf(search: URLSearchParams): Start | null {
  const kind = search.get("new");
  if (kind === null || !(kind in KINDS)) return null;
  const level = Number(search.get("level"));
  return {
    kind: kind as Kind,
    market: search.get("market") ?? undefined,
    timeframe: search.get("timeframe") ?? undefined,
    level: level > 0 && Number.isFinite(level) ? level : undefined,
  };
}

function conditionOf(given: FormData, kind: Kind): Condition {
  const text = (name: string) => String(given.get(name) ?? "").trim();
  const several = (name: string) => given.getAll(name).map(String);
  const some = (name: string) => (several(name).length ? several(name) : null);
  const way = (name: string): 1 | -1 | null => (text(name) === "1" ? 1 : text(name) === "-1" ? -1 : null);
  const scale = (text("scale") || null) as Of<"zone">["scale"];
  switch (kind) {
    case "price":
      return {
        kind,
        market: text("market"),
        timeframe: text("timeframe") as Frame,
        level: Number(text("level")),
        crosses: text("crosses") as Of<"price">["crosses"],
      };
    case "zone":
      return {
        kind,
        markets: several("markets"),
        timeframes: several("timeframes") as Frame[],
        zone: (text("zone") || null) as Of<"zone">["zone"],
        side: way("direction"),
        scale,
      };
    case "structure":
      return {
        kind,
        markets: several("markets"),
        timeframes: several("timeframes") as Frame[],
        event: (text("event") || null) as Of<"structure">["event"],
        direction: way("direction"),
        scale,
      };
    case "signal":
    case "outcome": {
      const filter = {
        markets: some("markets"),
        timeframes: some("timeframes") as Frame[] | null,
        strategy: text("strategy") || null,
        direction: way("direction"),
        minimum_score: Number(text("score") || 0),
        exclude_simulated: given.has("exclude_simulated"),
      };
      return kind === "signal"
        ? { kind, ...filter }
        : { kind, ...filter, outcomes: several("outcomes") as Of<"outcome">["outcomes"] };
    }
  }
}

/** A channel as a choice of the form; webhooks are named by their ids. */
export function channelValue(channel: Channel): string {
  return channel.type === "webhook" ? channel.webhook_id : channel.type;
}

function channelOf(value: string): Channel {
  return value === "email" || value === "telegram" || value === "push"
    ? { type: value }
    : { type: "webhook", webhook_id: value };
}

/** Read the form. An alert without a name is called what it waits for, in words. */
export function settingsOf(
  given: FormData,
  kind: Kind,
  zone: string,
  words: (condition: Condition) => string,
): Settings {
  const text = (name: string) => String(given.get(name) ?? "").trim();
  const condition = conditionOf(given, kind);
  const start = text("quiet_from");
  const end = text("quiet_to");
  const ends = instantOf(text("expires"), zone);
  return {
    name: text("name") || words(condition).slice(0, 100),
    condition,
    channels: given.getAll("channel").map((one) => channelOf(String(one))),
    quiet_hours: start && end ? { start, end, then: text("quiet_then") === "drop" ? "drop" : "hold" } : null,
    cooldown_seconds: Number(text("cooldown") || 0) * 60,
    expires_at: ends === null ? null : new Date(ends).toISOString(),
    enabled: true,
  };
}
