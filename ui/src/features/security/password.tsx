"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";

/** A new password; it ends every other session. */
export function Password() {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (passwords: { current_password: string; new_password: string }) =>
      api.POST("/v1/auth/password-change", { body: passwords }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["sessions"] }),
  });
  const fields = change.error instanceof ApiProblem ? change.error.fields : undefined;
  return (
    <section className="rounded-lg border border-line bg-surface p-5">
      <h2 className="text-base font-semibold">Password</h2>
      <p className="mt-1 mb-4 text-soft">A new one ends every other session.</p>
      <form
        className="flex max-w-sm flex-col gap-4"
        onSubmit={(event: FormEvent<HTMLFormElement>) => {
          event.preventDefault();
          const form = event.currentTarget;
          const data = new FormData(form);
          change.mutate(
            { current_password: String(data.get("current")), new_password: String(data.get("new")) },
            { onSuccess: () => form.reset() },
          );
        }}
      >
        <TextField
          label="The one you have"
          name="current"
          type="password"
          required
          autoComplete="current-password"
          error={fields?.get("current_password")}
        />
        <TextField
          label="The new one"
          name="new"
          type="password"
          required
          minLength={12}
          maxLength={128}
          autoComplete="new-password"
          hint="At least 12 characters."
          error={fields?.get("new_password")}
        />
        {change.isError && !fields?.size && (
          <p role="alert" className="text-sm text-down">
            {messageOf(change.error)}
          </p>
        )}
        <div className="flex items-center gap-3">
          <Button type="submit" kind="primary" busy={change.isPending}>
            Change it
          </Button>
          <span role="status" className="text-sm text-soft">
            {change.isSuccess && "Changed"}
          </span>
        </div>
      </form>
    </section>
  );
}
