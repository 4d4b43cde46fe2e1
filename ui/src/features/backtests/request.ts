import type { ApiProblem } from "@/api/problem";
import type { Choices, Setting, Value, Wanted } from "./backtests";

/** What stands in the form, as it was typed. Empty is as it comes. */
export interface Typed {
  strategy: string;
  market: string;
  timeframe: string;
  start: string;
  end: string;
  values: Readonly<Record<string, string>>;
  walkForward: { train: string; test: string; anchored: boolean } | null;
  robust: boolean;
}

export type Errors = ReadonlyMap<string, string>;
/** Key of what is wrong with the whole request. */
export const WHOLE = "";

function read(text: string, setting: Setting): Value | undefined {
  if (setting.kind === "boolean") return text === "true" ? true : text === "false" ? false : undefined;
  if (setting.kind === "text" || setting.kind === "choice") return text;
  const number = Number(text);
  if (!Number.isFinite(number)) return undefined;
  return setting.kind === "integer" && !Number.isInteger(number) ? undefined : number;
}

/** The values of a field: one is set, several with commas are all tried. */
export function valuesOf(text: string, setting: Setting): Value[] | string {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  const found = parts.map((part) => read(part, setting));
  if (found.some((value) => value === undefined)) {
    return setting.kind === "integer"
      ? "Whole numbers only, with commas between several."
      : "Numbers only, with commas between several.";
  }
  return [...new Set(found as Value[])];
}

/** How many parameter sets the form asks for; what cannot be read counts as one. */
export function setsOf(typed: Pick<Typed, "values">, settings: readonly Setting[]): number {
  return settings.reduce((product, setting) => {
    const found = valuesOf(typed.values[setting.name] ?? "", setting);
    return product * (typeof found === "string" ? 1 : Math.max(1, found.length));
  }, 1);
}

/** The request that the form is, or what is wrong with its fields. */
export function requestOf(typed: Typed, own: readonly Setting[], account: readonly Setting[]): Wanted | Errors {
  const errors = new Map<string, string>();
  const made = { parameters: {}, config: {}, vary: {} } as Record<"parameters" | "config", Record<string, Value>> & {
    vary: Record<string, Value[]>;
  };
  for (const [group, settings] of [
    ["parameters", own],
    ["config", account],
  ] as const) {
    for (const setting of settings) {
      const found = valuesOf(typed.values[setting.name] ?? "", setting);
      const [first] = found;
      if (typeof found === "string") errors.set(setting.name, found);
      else if (found.length > 1) made.vary[setting.name] = found;
      else if (first !== undefined) made[group][setting.name] = first;
    }
  }
  const days = typed.walkForward && { train: Number(typed.walkForward.train), test: Number(typed.walkForward.test) };
  if (days && !(Number.isInteger(days.train) && days.train > 0)) errors.set("train_days", "A whole number of days.");
  if (days && !(Number.isInteger(days.test) && days.test > 0)) errors.set("test_days", "A whole number of days.");
  if (errors.size) return errors;
  return {
    strategy: typed.strategy,
    market: typed.market,
    timeframe: typed.timeframe as Wanted["timeframe"],
    start: typed.start || null,
    end: typed.end || null,
    ...made,
    walk_forward:
      typed.walkForward && days
        ? { train_days: days.train, test_days: days.test, anchored: typed.walkForward.anchored }
        : null,
    robust: typed.robust,
  };
}

/** A request as the form would have it, to change and ask again. */
export function typedOf(wanted: Wanted): Typed {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...wanted.parameters, ...wanted.config })) values[name] = String(value);
  for (const [name, several] of Object.entries(wanted.vary ?? {})) values[name] = several.join(", ");
  const walk = wanted.walk_forward;
  return {
    strategy: wanted.strategy,
    market: wanted.market,
    timeframe: wanted.timeframe,
    start: wanted.start ?? "",
    end: wanted.end ?? "",
    values,
    walkForward: walk
      ? { train: String(walk.train_days ?? 90), test: String(walk.test_days ?? 30), anchored: walk.anchored ?? false }
      : null,
    robust: wanted.robust ?? true,
  };
}

const GROUPS = /^(parameters|config|vary|walk_forward)\./;

/** Which field each refusal of the API is about. Names of settings have points in them, and so have their paths. */
export function fieldErrors(problem: Pick<ApiProblem, "errors">, settings: readonly Setting[]): Errors {
  const plain = ["strategy", "market", "timeframe", "start", "end", "train_days", "test_days"];
  const names = [...settings.map((setting) => setting.name), ...plain].sort((a, b) => b.length - a.length);
  const found = new Map<string, string>();
  for (const { field, message } of problem.errors) {
    const path = field.replace(GROUPS, "");
    const name = names.find((one) => path === one || path.startsWith(`${one}.`)) ?? WHOLE;
    // A value that fits none of several types is refused once for each.
    if (!found.has(name)) found.set(name, name === WHOLE && field !== "body" ? `${field}: ${message}` : message);
  }
  return found;
}

/** What a strategy that names no stop needs besides: sizing by risk is measured by the stop. */
export function startingValues(choices: Choices, strategy: string): Record<string, string> {
  const chosen = choices.strategies.find((one) => one.name === strategy);
  return chosen?.stops === false ? { sizing: "equity_fraction", size: "1" } : {};
}
