"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api, body, type Schema } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { ChipsField } from "@/components/chips";
import { Dialog } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import { WEBHOOKS } from "@/features/channels/channels";
import { useChoices } from "@/features/signals/choices";

export type Webhook = Schema<"WebhookShown">;
type Settings = Schema<"WebhookSettings">;
type EventType = NonNullable<Settings["events"]>[number];

const EVENTS: Record<EventType, string> = {
  "signal.published": "A signal is published",
  "signal.outcome": "A signal reaches a target, its stop or its end",
  "signal.takedown": "A signal is taken down",
  "alert.triggered": "An alert of mine fires",
};
const SHOWN = new Set(["url", "description", "events", "markets", "timeframes", "strategies"]);

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** What is to be changed; a new one is made without. */
  webhook?: Webhook;
  /** Takes the secret of a new one, which is told once. */
  onSecret?: (secret: string) => void;
}

/** Adds a webhook, or changes one. */
export function WebhookDialog({ open, onOpenChange, webhook, onSecret }: Props) {
  return (
    <Dialog title={webhook ? "Change the webhook" : "Add a webhook"} open={open} onOpenChange={onOpenChange}>
      <WebhookForm webhook={webhook} onSecret={onSecret} done={() => onOpenChange(false)} />
    </Dialog>
  );
}

function settingsOf(given: FormData): Settings {
  const several = (name: string) => given.getAll(name).map(String);
  const some = (name: string) => (several(name).length ? several(name) : null);
  const side = String(given.get("direction"));
  return {
    url: String(given.get("url")).trim(),
    description: String(given.get("description")),
    events: several("event") as EventType[],
    markets: some("markets"),
    timeframes: some("timeframes") as Settings["timeframes"],
    strategies: some("strategies"),
    direction: side === "1" ? 1 : side === "-1" ? -1 : null,
  };
}

interface Form {
  webhook: Webhook | undefined;
  onSecret: ((secret: string) => void) | undefined;
  done: () => void;
}

function WebhookForm({ webhook, onSecret, done }: Form) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: async (settings: Settings) => {
      if (!webhook) return (await body(api.POST("/v1/webhooks", { body: settings }))).secret;
      const params = { path: { webhook_id: webhook.webhook_id } };
      await body(api.PATCH("/v1/webhooks/{webhook_id}", { params, body: settings }));
      return null;
    },
    onSuccess: async (secret) => {
      done();
      if (secret !== null) onSecret?.(secret);
      await client.invalidateQueries({ queryKey: WEBHOOKS });
    },
  });
  const fields = save.error instanceof ApiProblem ? save.error.fields : undefined;
  const told = fields !== undefined && [...fields.keys()].some((name) => SHOWN.has(name));
  const events: readonly string[] = webhook?.events ?? Object.keys(EVENTS).filter((one) => one !== "alert.triggered");
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        save.mutate(settingsOf(new FormData(event.currentTarget)));
      }}
    >
      <TextField
        label="Address"
        name="url"
        type="url"
        required
        placeholder="https://"
        defaultValue={webhook?.url}
        hint="Reachable from the internet, by https."
        error={fields?.get("url")}
      />
      <TextField
        label="Note"
        name="description"
        maxLength={200}
        defaultValue={webhook?.description}
        error={fields?.get("description")}
      />
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-1.5 text-sm font-medium">Send when</legend>
        {(Object.keys(EVENTS) as EventType[]).map((name) => (
          <label key={name} className="flex items-start gap-2.5 text-sm">
            <input
              type="checkbox"
              name="event"
              value={name}
              defaultChecked={events.includes(name)}
              className="mt-0.5 h-4 w-4 accent-[var(--accent)]"
            />
            {EVENTS[name]}
          </label>
        ))}
        {fields?.get("events") && (
          <p role="alert" className="text-sm text-down">
            {fields.get("events")}
          </p>
        )}
      </fieldset>
      <details open={Boolean(webhook && (webhook.markets || webhook.timeframes || webhook.strategies))}>
        <summary className="cursor-pointer text-sm font-medium text-soft hover:text-text">Only some of them</summary>
        <Narrowed webhook={webhook} fields={fields} />
      </details>
      {save.isError && !told && (
        <p role="alert" className="text-sm text-down">
          {messageOf(save.error)}
        </p>
      )}
      <Button type="submit" kind="primary" busy={save.isPending}>
        {webhook ? "Change it" : "Add it"}
      </Button>
    </form>
  );
}

function Narrowed({
  webhook,
  fields,
}: {
  webhook: Webhook | undefined;
  fields: ReadonlyMap<string, string> | undefined;
}) {
  const choices = useChoices();
  const kinds = [
    ["markets", "Markets", choices.markets],
    ["timeframes", "Timeframes", choices.timeframes],
    ["strategies", "Strategies", choices.strategies],
  ] as const;
  return (
    <div className="mt-3 flex flex-col gap-4">
      {kinds.map(([name, label, offered]) => {
        const chosen = webhook?.[name] ?? [];
        // What is not offered any more stays chosen until it is taken off.
        const all = [...new Set<string>([...offered, ...chosen])];
        return (
          <ChipsField
            key={`${name} ${all.length}`}
            label={label}
            name={name}
            options={all.map((one) => [one, one] as const)}
            chosen={chosen}
            hint="All, if none is chosen."
            error={fields?.get(name)}
          />
        );
      })}
      <SelectField label="Side" name="direction" defaultValue={webhook?.direction ?? ""}>
        <option value="">Both</option>
        <option value="1">Long</option>
        <option value="-1">Short</option>
      </SelectField>
    </div>
  );
}
