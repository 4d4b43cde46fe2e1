"use client";

import { SelectField, TextField } from "@/components/field";
import type { Setting } from "./backtests";
import { choiceWords, HINTS, labelOf } from "./words";

interface Props {
  setting: Setting;
  value: string;
  error: string | undefined;
  change: (value: string) => void;
}

/** One setting; left empty it is as it comes, which the field shows. */
export function SettingField({ setting, value, error, change }: Props) {
  const label = labelOf(setting.name);
  if (setting.kind === "boolean" || setting.kind === "choice") {
    const choices = setting.kind === "boolean" ? ["true", "false"] : (setting.choices ?? []);
    const several = value.includes(",");
    return (
      <SelectField label={label} value={value} error={error} onChange={(event) => change(event.target.value)}>
        <option value="">As it comes: {choiceWords(setting.default)}</option>
        {choices.map((one) => (
          <option key={one} value={one}>
            {setting.kind === "boolean" ? choiceWords(one === "true") : choiceWords(one)}
          </option>
        ))}
        <option value={several ? value : choices.join(", ")}>{several ? `Try: ${value}` : "Try each"}</option>
      </SelectField>
    );
  }
  return (
    <TextField
      label={label}
      value={value}
      error={error}
      hint={HINTS[setting.name]}
      placeholder={String(setting.default)}
      inputMode="decimal"
      autoComplete="off"
      className="numeric"
      onChange={(event) => change(event.target.value)}
    />
  );
}
