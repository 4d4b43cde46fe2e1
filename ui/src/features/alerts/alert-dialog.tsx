"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schema } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import { EmptyState, ErrorState, Skeleton } from "@/components/states";
import { useMarkets } from "@/features/market/markets";
import { wallClock, zoneLabel } from "@/format/times";
import { useReader } from "@/session/reader";
import { channelValue, KINDS, type Kind, type Settings, settingsOf, type Start } from "./alert-settings";
import { ChannelFields } from "./channel-fields";
import { ConditionFields } from "./condition-fields";
import { conditionWords } from "./condition-words";

export type Alert = Schema<"AlertShown">;

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** What is to be changed; a new one is made without. */
  alert?: Alert;
  /** What a new one begins with. */
  start?: Start | undefined;
}

const SHOWN = new Set(["name", "market", "markets", "timeframe", "timeframes", "level", "strategy", "minimum_score"]);
for (const one of ["outcomes", "channels", "expires_at", "cooldown_seconds"]) SHOWN.add(one);

/** Makes an alert, or changes one. */
export function AlertDialog({ open, onOpenChange, alert, start }: Props) {
  return (
    <Dialog title={alert ? `Change ${alert.name}` : "Make an alert"} open={open} onOpenChange={onOpenChange}>
      <AlertForm alert={alert} start={start} done={() => onOpenChange(false)} />
    </Dialog>
  );
}

function AlertForm({ alert, start, done }: { alert: Alert | undefined; start: Start | undefined; done: () => void }) {
  const client = useQueryClient();
  const { locale, zone } = useReader();
  const markets = useMarkets();
  const [kind, setKind] = useState<Kind>(alert?.condition.kind ?? start?.kind ?? "signal");
  const save = useMutation({
    mutationFn: (settings: Settings) =>
      alert
        ? body(
            api.PATCH("/v1/alerts/{alert_id}", {
              params: { path: { alert_id: alert.alert_id } },
              body: { ...settings, enabled: alert.enabled },
            }),
          )
        : body(api.POST("/v1/alerts", { body: settings })),
    onSuccess: async () => {
      done();
      await client.invalidateQueries({ queryKey: ["alerts"] });
    },
  });
  const fields = save.error instanceof ApiProblem ? save.error.fields : undefined;
  const told = fields !== undefined && [...fields.keys()].some((name) => SHOWN.has(name));
  if (markets.isPending) return <Skeleton className="h-96" />;
  if (markets.isError) return <ErrorState error={markets.error} retry={() => void markets.refetch()} />;
  if (!markets.data.length)
    return <EmptyState title="No market is stored yet">There is nothing to wait for.</EmptyState>;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget);
        save.mutate(settingsOf(given, kind, zone, (condition) => conditionWords(condition, locale)));
      }}
    >
      <SelectField label="When" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
        {(Object.keys(KINDS) as Kind[]).map((one) => (
          <option key={one} value={one}>
            {KINDS[one]}
          </option>
        ))}
      </SelectField>
      <ConditionFields
        key={kind}
        kind={kind}
        markets={markets.data}
        condition={alert?.condition.kind === kind ? alert.condition : undefined}
        start={start}
        errors={fields}
      />
      <ChannelFields chosen={alert ? alert.channels.map(channelValue) : ["email"]} error={fields?.get("channels")} />
      <TextField
        label="Name"
        name="name"
        maxLength={100}
        placeholder="What it waits for"
        defaultValue={alert?.name}
        error={fields?.get("name")}
      />
      <details open={Boolean(alert && (alert.quiet_hours || alert.cooldown_seconds || alert.expires_at))}>
        <summary className="cursor-pointer text-sm font-medium text-soft hover:text-text">
          How often and how long
        </summary>
        <div className="mt-3 flex flex-col gap-4">
          <div className="grid grid-cols-3 items-end gap-3">
            <TextField label="Quiet from" name="quiet_from" type="time" defaultValue={alert?.quiet_hours?.start} />
            <TextField label="until" name="quiet_to" type="time" defaultValue={alert?.quiet_hours?.end} />
            <SelectField label="Then" name="quiet_then" defaultValue={alert?.quiet_hours?.then ?? "hold"}>
              <option value="hold">tell me after</option>
              <option value="drop">do not tell me</option>
            </SelectField>
          </div>
          <TextField
            label="After it fired, be still for minutes"
            name="cooldown"
            type="number"
            min="0"
            max={7 * 24 * 60}
            step="any"
            defaultValue={alert ? alert.cooldown_seconds / 60 : 0}
            error={fields?.get("cooldown_seconds")}
          />
          <TextField
            label={`Until, ${zoneLabel(alert?.expires_at ?? new Date().toISOString(), zone)}`}
            name="expires"
            type="datetime-local"
            defaultValue={alert?.expires_at ? wallClock(Date.parse(alert.expires_at), zone) : undefined}
            hint="It stays for good if this is left empty."
            error={fields?.get("expires_at")}
          />
        </div>
      </details>
      {save.isError && !told && (
        <p role="alert" className="text-sm text-down">
          {messageOf(save.error)}
        </p>
      )}
      <Button type="submit" kind="primary" busy={save.isPending}>
        {alert ? "Change it" : "Make it"}
      </Button>
    </form>
  );
}
