"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schema } from "@/api/client";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";

type Settings = Schema<"AlertSettings">;
type Kind = "signal" | "price";
type Frame = Schema<"Timeframe">;

/** Read the form. An empty choice means any. */
function settingsOf(given: FormData, kind: Kind): Settings {
  const text = (name: string) => String(given.get(name) ?? "").trim();
  const channels = given.getAll("channel").map((type) => ({ type: String(type) as "email" | "telegram" | "push" }));
  const market = text("market");
  const timeframe = text("timeframe");
  const condition: Settings["condition"] =
    kind === "price"
      ? {
          kind,
          market,
          timeframe: timeframe as Frame,
          level: Number(text("level")),
          crosses: text("crosses") as "above" | "below" | "either",
        }
      : {
          kind,
          markets: market ? [market] : null,
          timeframes: timeframe ? [timeframe as Frame] : null,
          direction: text("side") === "long" ? 1 : text("side") === "short" ? -1 : null,
          minimum_score: Number(text("score") || 0),
        };
  const start = text("quiet_from");
  const end = text("quiet_to");
  return {
    name: text("name"),
    condition,
    channels,
    quiet_hours: start && end ? { start, end, then: "hold" } : null,
  };
}

export function NewAlert() {
  const [open, setOpen] = useState(false);
  const [kind, setKind] = useState<Kind>("signal");
  const client = useQueryClient();
  const markets = useQuery({
    queryKey: ["markets"],
    queryFn: () => body(api.GET("/v1/markets", { params: { query: { limit: 500 } } })),
    enabled: open,
  });
  const create = useMutation({
    mutationFn: (settings: Settings) => body(api.POST("/v1/alerts", { body: settings })),
    onSuccess: async () => {
      setOpen(false);
      await client.invalidateQueries({ queryKey: ["alerts"] });
    },
  });
  const fields = create.error instanceof ApiProblem ? create.error.fields : undefined;
  const frames = [
    ...new Set(markets.data?.items.flatMap((market) => market.timeframes.map((one) => one.timeframe)) ?? []),
  ];
  return (
    <>
      <Button kind="primary" size="small" onClick={() => setOpen(true)}>
        Make an alert
      </Button>
      <Dialog
        title="Make an alert"
        open={open}
        onOpenChange={(next) => {
          setOpen(next);
          create.reset();
        }}
      >
        <form
          className="flex flex-col gap-4"
          onSubmit={(event: FormEvent<HTMLFormElement>) => {
            event.preventDefault();
            create.mutate(settingsOf(new FormData(event.currentTarget), kind));
          }}
        >
          <TextField label="Name" name="name" required maxLength={100} error={fields?.get("name")} />
          <SelectField label="When" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
            <option value="signal">A signal is published</option>
            <option value="price">A price is crossed</option>
          </SelectField>
          <div className="grid grid-cols-2 gap-3">
            <SelectField label="Market" name="market" required={kind === "price"} error={fields?.get("market")}>
              {kind === "signal" && <option value="">Any</option>}
              {markets.data?.items.map((one) => (
                <option key={one.market} value={one.market}>
                  {one.symbol}
                  {one.simulated ? " (simulated)" : ""}
                </option>
              ))}
            </SelectField>
            <SelectField label="Timeframe" name="timeframe" required={kind === "price"}>
              {kind === "signal" && <option value="">Any</option>}
              {frames.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </SelectField>
          </div>
          {kind === "price" ? (
            <div className="grid grid-cols-2 gap-3">
              <SelectField label="Price" name="crosses">
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
                error={fields?.get("level")}
              />
            </div>
          ) : (
            <div className="grid grid-cols-2 gap-3">
              <SelectField label="Side" name="side">
                <option value="">Both</option>
                <option value="long">Long</option>
                <option value="short">Short</option>
              </SelectField>
              <TextField
                label="Score, at least"
                name="score"
                type="number"
                min="0"
                max="1"
                step="0.05"
                defaultValue="0"
              />
            </div>
          )}
          <fieldset className="flex flex-col gap-2">
            <legend className="mb-1.5 text-sm font-medium">Tell me by</legend>
            {(
              [
                ["email", "Mail"],
                ["telegram", "Telegram"],
                ["push", "Push to this account's browsers"],
              ] as const
            ).map(([type, label]) => (
              <label key={type} className="flex items-center gap-2.5 text-sm">
                <input
                  type="checkbox"
                  name="channel"
                  value={type}
                  defaultChecked={type === "email"}
                  className="h-4 w-4 accent-[var(--accent)]"
                />
                {label}
              </label>
            ))}
            {fields?.get("channels") && (
              <p role="alert" className="text-sm text-down">
                {fields.get("channels")}
              </p>
            )}
          </fieldset>
          <div className="grid grid-cols-2 gap-3">
            <TextField label="Quiet from" name="quiet_from" type="time" />
            <TextField label="until" name="quiet_to" type="time" hint="In your time zone." />
          </div>
          {create.isError && !fields?.size && (
            <p role="alert" className="text-sm text-down">
              {messageOf(create.error)}
            </p>
          )}
          <Button type="submit" kind="primary" busy={create.isPending}>
            Make it
          </Button>
        </form>
      </Dialog>
    </>
  );
}
