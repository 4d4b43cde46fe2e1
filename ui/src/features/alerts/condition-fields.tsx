"use client";

import { ChipsField } from "@/components/chips";
import { SelectField, TextField } from "@/components/field";
import { useChoices } from "@/features/signals/choices";
import { type Market, timeframesOf } from "@/features/market/markets";
import { TIMEFRAMES } from "@/features/market/timeframes";
import type { Condition, Kind, Start } from "./alert-settings";

interface Props {
  kind: Kind;
  markets: readonly Market[];
  /** What is changed, if it is of this kind. */
  condition: Condition | undefined;
  start: Start | undefined;
  errors: ReadonlyMap<string, string> | undefined;
}

const OUTCOMES = [
  ["target_1", "First target"],
  ["target_2", "Second target"],
  ["stopped", "Stopped"],
  ["expired", "Expired"],
] as const;
const SCALES = [
  ["swing", "Swing"],
  ["internal", "Internal"],
  ["micro", "Micro"],
] as const;
const ZONES = [
  ["order_block", "Order block"],
  ["breaker", "Breaker"],
  ["fvg", "Fair value gap"],
  ["liquidity", "Liquidity"],
] as const;

/** What it waits for. */
export function ConditionFields(props: Props) {
  if (props.kind === "price") return <PriceFields {...props} />;
  return (
    <>
      <SeriesFields {...props} />
      {props.kind === "zone" || props.kind === "structure" ? <BreakFields {...props} /> : <SignalFields {...props} />}
    </>
  );
}

function nameOf(market: Market): string {
  return market.simulated ? `${market.symbol} (simulated)` : market.symbol;
}

function PriceFields({ markets, condition, start, errors }: Props) {
  const was = condition?.kind === "price" ? condition : undefined;
  const frames = TIMEFRAMES.filter((one) => markets.some((market) => timeframesOf(market).includes(one)));
  return (
    <>
      <div className="grid grid-cols-2 gap-3">
        <SelectField
          label="Market"
          name="market"
          required
          defaultValue={was?.market ?? start?.market}
          error={errors?.get("market")}
        >
          {markets.map((one) => (
            <option key={one.market} value={one.market}>
              {nameOf(one)}
            </option>
          ))}
        </SelectField>
        <SelectField
          label="Timeframe"
          name="timeframe"
          required
          defaultValue={was?.timeframe ?? start?.timeframe}
          error={errors?.get("timeframe")}
        >
          {frames.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </SelectField>
      </div>
      <div className="grid grid-cols-2 gap-3">
        <SelectField label="Price" name="crosses" defaultValue={was?.crosses ?? "either"}>
          <option value="either">crosses</option>
          <option value="above">rises above</option>
          <option value="below">falls below</option>
        </SelectField>
        <TextField
          label="Level"
          name="level"
          type="number"
          step="any"
          min="0"
          required
          defaultValue={was?.level ?? start?.level}
          error={errors?.get("level")}
        />
      </div>
    </>
  );
}

/** Markets and timeframes: any of them where nothing is chosen, if the kind allows that. */
function SeriesFields({ kind, markets, condition, start, errors }: Props) {
  const was = condition && condition.kind !== "price" ? condition : undefined;
  const any = kind === "signal" || kind === "outcome";
  const frames = TIMEFRAMES.filter((one) => markets.some((market) => timeframesOf(market).includes(one)));
  const kept = [...(was?.markets ?? [])].filter((one) => !markets.some(({ market }) => market === one));
  return (
    <>
      <ChipsField
        label="Markets"
        name="markets"
        options={[
          ...markets.map((one) => [one.market, nameOf(one)] as const),
          // What is not stored any more stays chosen until it is taken off.
          ...kept.map((one) => [one, one] as const),
        ]}
        chosen={was ? (was.markets ?? []) : start?.market ? [start.market] : []}
        hint={any ? "Any, if none is chosen." : undefined}
        error={errors?.get("markets")}
      />
      <ChipsField
        label="Timeframes"
        name="timeframes"
        options={frames.map((one) => [one, one] as const)}
        chosen={was ? (was.timeframes ?? []) : start?.timeframe ? [start.timeframe] : []}
        hint={any ? "Any, if none is chosen." : undefined}
        error={errors?.get("timeframes")}
      />
    </>
  );
}

function SignalFields({ kind, condition, errors }: Props) {
  const { strategies } = useChoices();
  const was = condition?.kind === "signal" || condition?.kind === "outcome" ? condition : undefined;
  const offered = was?.strategy && !strategies.includes(was.strategy) ? [...strategies, was.strategy] : strategies;
  return (
    <>
      <div className="grid grid-cols-3 gap-3">
        <SelectField
          key={offered.join()}
          label="Strategy"
          name="strategy"
          defaultValue={was?.strategy ?? ""}
          error={errors?.get("strategy")}
        >
          <option value="">Any</option>
          {offered.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </SelectField>
        <Way label="Side" up="Long" down="Short" was={was?.direction} />
        <TextField
          label="Score, at least"
          name="score"
          type="number"
          min="0"
          max="1"
          step="any"
          defaultValue={was?.minimum_score ?? 0}
          error={errors?.get("minimum_score")}
        />
      </div>
      {kind === "outcome" && (
        <ChipsField
          label="Ends"
          name="outcomes"
          options={OUTCOMES}
          chosen={was?.kind === "outcome" && was.outcomes ? was.outcomes : OUTCOMES.map(([value]) => value)}
          error={errors?.get("outcomes")}
        />
      )}
      <label className="flex items-center gap-2.5 text-sm">
        <input
          type="checkbox"
          name="exclude_simulated"
          defaultChecked={was?.exclude_simulated ?? false}
          className="h-4 w-4 accent-[var(--accent)]"
        />
        Leave simulated markets out
      </label>
    </>
  );
}

function BreakFields({ kind, condition }: Props) {
  const zone = condition?.kind === "zone" ? condition : undefined;
  const structure = condition?.kind === "structure" ? condition : undefined;
  return (
    <div className="grid grid-cols-3 gap-3">
      {kind === "zone" ? (
        <>
          <SelectField label="Zone" name="zone" defaultValue={zone?.zone ?? ""}>
            <option value="">Any</option>
            {ZONES.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </SelectField>
          <Way label="Side" up="Demand" down="Supply" was={zone?.side} />
        </>
      ) : (
        <>
          <SelectField label="Break" name="event" defaultValue={structure?.event ?? ""}>
            <option value="">Either</option>
            <option value="bos">BOS</option>
            <option value="choch">CHoCH</option>
          </SelectField>
          <Way label="Direction" up="Up" down="Down" was={structure?.direction} />
        </>
      )}
      <SelectField label="Scale" name="scale" defaultValue={(zone ?? structure)?.scale ?? ""}>
        <option value="">Any</option>
        {SCALES.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </SelectField>
    </div>
  );
}

function Way({ label, up, down, was }: { label: string; up: string; down: string; was: number | null | undefined }) {
  return (
    <SelectField label={label} name="direction" defaultValue={was ?? ""}>
      <option value="">Both</option>
      <option value="1">{up}</option>
      <option value="-1">{down}</option>
    </SelectField>
  );
}
