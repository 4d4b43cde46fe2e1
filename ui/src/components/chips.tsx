import type { ReactNode } from "react";
import { useId } from "react";
import { classes } from "./classes";

interface Props {
  label: ReactNode;
  name: string;
  options: readonly (readonly [value: string, label: ReactNode])[];
  chosen: readonly string[];
  hint?: ReactNode;
  error?: string | undefined;
}

/** Several of a few: a form has each that is chosen by the same name. */
export function ChipsField({ label, name, options, chosen, hint, error }: Props) {
  const id = useId();
  return (
    <fieldset aria-describedby={classes(hint ? `${id}-hint` : "", error && `${id}-error`) || undefined}>
      <legend className="mb-1.5 text-sm font-medium">{label}</legend>
      <div className="flex max-h-32 flex-wrap gap-1.5 overflow-y-auto p-0.5">
        {options.map(([value, text]) => (
          <label
            key={value}
            className="flex h-8 cursor-pointer items-center gap-1.5 rounded-md border border-line-strong px-2 text-sm has-checked:border-accent has-checked:bg-accent-soft has-checked:text-accent"
          >
            <input
              type="checkbox"
              name={name}
              value={value}
              defaultChecked={chosen.includes(value)}
              className="h-3.5 w-3.5 accent-[var(--accent)]"
            />
            {text}
          </label>
        ))}
      </div>
      {hint && (
        <p id={`${id}-hint`} className="mt-1.5 text-sm text-faint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="mt-1.5 text-sm text-down">
          {error}
        </p>
      )}
    </fieldset>
  );
}
