"use client";

import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";
import { classes } from "./classes";

const CONTROL =
  "h-10 w-full rounded-md border bg-surface px-3 text-base text-text placeholder:text-faint disabled:opacity-60";

interface Around {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
}

function describe(id: string, hint: ReactNode, error: string | undefined): string | undefined {
  return [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ") || undefined;
}

function Labelled({ id, label, hint, error, children }: Around & { id: string; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="text-sm font-medium text-text">
        {label}
      </label>
      {children}
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-faint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="text-sm text-down">
          {error}
        </p>
      )}
    </div>
  );
}

export function TextField({ label, hint, error, className, ...rest }: Around & InputHTMLAttributes<HTMLInputElement>) {
  const made = useId();
  const id = rest.id ?? made;
  return (
    <Labelled id={id} label={label} hint={hint} error={error}>
      <input
        {...rest}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={describe(id, hint, error)}
        className={classes(CONTROL, error ? "border-down" : "border-line-strong", className)}
      />
    </Labelled>
  );
}

export function SelectField({
  label,
  hint,
  error,
  className,
  children,
  ...rest
}: Around & SelectHTMLAttributes<HTMLSelectElement>) {
  const made = useId();
  const id = rest.id ?? made;
  return (
    <Labelled id={id} label={label} hint={hint} error={error}>
      <select
        {...rest}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={describe(id, hint, error)}
        className={classes(CONTROL, error ? "border-down" : "border-line-strong", className)}
      >
        {children}
      </select>
    </Labelled>
  );
}
