"use client";

import { useRouter } from "next/navigation";
import { type FormEvent, type ReactNode, useState } from "react";
import type { Schema } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { SelectField, TextField } from "@/components/field";
import { formatCount } from "@/format/numbers";
import { formatDay } from "@/format/times";
import { type Choices, type Setting, useDeeds } from "./backtests";
import { placeOf } from "./places";
import { type Errors, fieldErrors, requestOf, setsOf, startingValues, type Typed, WHOLE } from "./request";
import { SettingField } from "./setting-field";

type Market = Schema<"StoredMarket">;

/** What nearly everybody sets; the rest is behind a fold. */
const FIRST = ["cash", "sizing", "size", "fees.maker_bp", "fees.taker_bp", "slippage.bp"];
const NOTHING: Errors = new Map();

interface Props {
  choices: Choices;
  markets: readonly Market[];
  start: Typed;
}

export function BacktestForm({ choices, markets, start }: Props) {
  const router = useRouter();
  const { ask } = useDeeds();
  const [typed, setTyped] = useState(start);
  const [wrong, setWrong] = useState(NOTHING);
  const own = choices.strategies.find((one) => one.name === typed.strategy)?.parameters ?? [];
  const account = choices.configuration;
  const all = [...own, ...account];
  const market = markets.find((one) => one.market === typed.market);
  const series = market?.timeframes.find((one) => one.timeframe === typed.timeframe);
  const sets = setsOf(typed, all);
  const rest = account.filter((one) => !FIRST.includes(one.name));
  const first = FIRST.flatMap((name) => account.find((one) => one.name === name) ?? []);
  const whole = wrong.get(WHOLE) ?? (ask.isError && !wrong.size ? messageOf(ask.error) : undefined);

  const set = (changes: Partial<Typed>) => setTyped({ ...typed, ...changes });
  const field = (setting: Setting) => (
    <SettingField
      key={setting.name}
      setting={setting}
      value={typed.values[setting.name] ?? ""}
      error={wrong.get(setting.name)}
      change={(value) => set({ values: { ...typed.values, [setting.name]: value } })}
    />
  );

  function send(event: FormEvent) {
    event.preventDefault();
    const made = requestOf(typed, own, account);
    if (made instanceof Map) {
      setWrong(made);
      return;
    }
    setWrong(NOTHING);
    ask.mutate(made as Exclude<typeof made, Errors>, {
      onSuccess: (backtest) => router.push(placeOf.one(backtest.backtest_id)),
      onError: (error) => setWrong(error instanceof ApiProblem ? fieldErrors(error, all) : NOTHING),
    });
  }

  return (
    <form className="flex flex-col gap-4" onSubmit={send} noValidate>
      <Part title="What">
        <SelectField
          label="Strategy"
          value={typed.strategy}
          error={wrong.get("strategy")}
          onChange={(event) =>
            set({ strategy: event.target.value, values: startingValues(choices, event.target.value) })
          }
        >
          {choices.strategies.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </SelectField>
        <SelectField
          label="Market"
          value={typed.market}
          error={wrong.get("market")}
          onChange={(event) => {
            const next = markets.find((one) => one.market === event.target.value);
            const frames: string[] = next?.timeframes.map((one) => one.timeframe) ?? [];
            set({
              market: event.target.value,
              timeframe: frames.includes(typed.timeframe) ? typed.timeframe : (frames[0] ?? ""),
            });
          }}
        >
          {markets.map((one) => (
            <option key={one.market} value={one.market}>
              {one.symbol} ({one.simulated ? "simulated" : one.exchange})
            </option>
          ))}
        </SelectField>
        <SelectField
          label="Timeframe"
          value={typed.timeframe}
          error={wrong.get("timeframe")}
          onChange={(event) => set({ timeframe: event.target.value })}
        >
          {market?.timeframes.map((one) => (
            <option key={one.timeframe}>{one.timeframe}</option>
          ))}
        </SelectField>
        <TextField
          label="From"
          type="date"
          value={typed.start}
          error={wrong.get("start")}
          hint={series ? `Stored from ${formatDay(series.first_bar, "UTC")}.` : undefined}
          onChange={(event) => set({ start: event.target.value })}
        />
        <TextField
          label="To"
          type="date"
          value={typed.end}
          error={wrong.get("end")}
          hint={series ? `Stored to ${formatDay(series.last_bar, "UTC")}. Days are those of UTC.` : undefined}
          onChange={(event) => set({ end: event.target.value })}
        />
      </Part>
      {own.length > 0 && <Part title={`Parameters of ${typed.strategy}`}>{own.map(field)}</Part>}
      {account.length > 0 && (
        <Part title="Account and costs">
          {first.map(field)}
          {rest.length > 0 && (
            <details className="col-span-full" open={rest.some((one) => wrong.has(one.name)) || undefined}>
              <summary className="w-fit rounded text-sm font-medium text-accent">More of the account</summary>
              <div className="mt-4 grid gap-4 sm:grid-cols-2 lg:grid-cols-3">{rest.map(field)}</div>
            </details>
          )}
        </Part>
      )}
      <Part title="How it is tested">
        <div className="col-span-full flex flex-col gap-3">
          <Check
            label="Try chance, higher costs and neighbouring parameters too"
            checked={typed.robust}
            change={(robust) => set({ robust })}
          />
          <Check
            label="Walk forward: choose parameters in one stretch of time, trade them in the next"
            checked={typed.walkForward !== null}
            change={(on) => set({ walkForward: on ? { train: "90", test: "30", anchored: false } : null })}
          />
        </div>
        {typed.walkForward && (
          <>
            <TextField
              label="Choose on, days"
              inputMode="numeric"
              value={typed.walkForward.train}
              error={wrong.get("train_days")}
              onChange={(event) =>
                typed.walkForward && set({ walkForward: { ...typed.walkForward, train: event.target.value } })
              }
            />
            <TextField
              label="Then trade, days"
              inputMode="numeric"
              value={typed.walkForward.test}
              error={wrong.get("test_days")}
              onChange={(event) =>
                typed.walkForward && set({ walkForward: { ...typed.walkForward, test: event.target.value } })
              }
            />
            <div className="flex items-center sm:pt-6">
              <Check
                label="Every stretch begins at the first bar"
                checked={typed.walkForward.anchored}
                change={(anchored) => typed.walkForward && set({ walkForward: { ...typed.walkForward, anchored } })}
              />
            </div>
          </>
        )}
      </Part>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button type="submit" kind="primary" busy={ask.isPending} disabled={choices.left_today === 0}>
          Start it
        </Button>
        <p className="text-soft">
          {typed.walkForward
            ? `Walk-forward that chooses from ${formatCount(sets)} parameter ${sets === 1 ? "set: give some field several values" : "sets"}`
            : sets > 1
              ? `A sweep of ${formatCount(sets)} parameter sets`
              : "One run"}
          {choices.left_today !== null && ` · your plan allows ${choices.left_today} more in these 24 hours`}
        </p>
      </div>
      {whole && (
        <p role="alert" className="text-sm text-down">
          {whole}
        </p>
      )}
      {!whole && wrong.size > 0 && (
        <p role="alert" className="text-sm text-down">
          {wrong.size === 1 ? "One field is not right." : `${wrong.size} fields are not right.`}
        </p>
      )}
    </form>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="rounded-lg border border-line bg-surface p-4">
      <legend className="sr-only">{title}</legend>
      <p aria-hidden className="mb-3 font-semibold">
        {title}
      </p>
      <div className="grid items-start gap-4 sm:grid-cols-2 lg:grid-cols-3">{children}</div>
    </fieldset>
  );
}

function Check({ label, checked, change }: { label: string; checked: boolean; change: (checked: boolean) => void }) {
  return (
    <label className="flex items-center gap-2.5">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => change(event.target.checked)}
        className="h-4 w-4 shrink-0 accent-[var(--accent)]"
      />
      {label}
    </label>
  );
}
