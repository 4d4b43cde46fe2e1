"use client";

import { SelectField } from "@/components/field";
import { useAddress } from "@/shell/address";
import { useChoices } from "./choices";

interface Props {
  label: string;
  name: string;
  all: string;
  options: readonly (readonly [value: string, label: string])[];
}

/** A choice that is kept in the address. What the address names stays a choice, even if nothing is there yet. */
export function FilterField({ label, name, all, options }: Props) {
  const [search, change] = useAddress();
  const value = search.get(name) ?? "";
  const known = value === "" || options.some(([one]) => one === value);
  return (
    <SelectField
      label={label}
      value={value}
      className="min-w-28 max-w-52"
      onChange={(event) => change({ [name]: event.target.value })}
    >
      <option value="">{all}</option>
      {!known && <option value={value}>{value}</option>}
      {options.map(([one, text]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </SelectField>
  );
}

/** Market, strategy and timeframe: what both the list and the record are narrowed by. */
export function SeriesFilters() {
  const { markets, strategies, timeframes } = useChoices();
  const symbols = markets.map((one) => one.split(":")[1]);
  const told = (market: string) => {
    const [exchange = "", symbol = market] = market.split(":");
    return symbols.filter((one) => one === symbol).length > 1 ? `${symbol}, ${exchange}` : symbol;
  };
  return (
    <>
      <FilterField label="Market" name="market" all="All" options={markets.map((one) => [one, told(one)])} />
      <FilterField label="Strategy" name="strategy" all="All" options={strategies.map((one) => [one, one])} />
      <FilterField label="Timeframe" name="timeframe" all="All" options={timeframes.map((one) => [one, one])} />
    </>
  );
}
