"use client";

import { DropdownMenu, Popover } from "radix-ui";
import { type ReactNode, useState } from "react";
import { Button, buttonClasses } from "@/components/button";
import { TextField } from "@/components/field";
import { instantOf, wallClock, zoneLabel } from "@/format/times";
import { useReader } from "@/session/reader";
import { INDICATORS } from "./indicator-catalogue";
import { type Choice, type Layer, LAYERS, SCALES, toggled } from "./layer-choice";
import type { Scale } from "@/chart/layers/zones";

const PANEL = "z-40 max-h-[70dvh] overflow-y-auto rounded-lg border border-line bg-raised p-1.5 shadow-raised";
const ITEM =
  "flex cursor-pointer items-center gap-2 rounded px-2.5 py-1.5 text-sm outline-none select-none data-[highlighted]:bg-sunken";
const HEADING = "px-2.5 pt-2 pb-1 text-xs font-medium text-faint";

function Menu({ label, face, children }: { label: string; face: ReactNode; children: ReactNode }) {
  return (
    <DropdownMenu.Root modal={false} defaultOpen>
      <DropdownMenu.Trigger className={buttonClasses("secondary", "small")} aria-label={label}>
        {face}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align="start" sideOffset={6} className={PANEL}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Check({ on, onToggle, children }: { on: boolean; onToggle: () => void; children: ReactNode }) {
  return (
    <DropdownMenu.CheckboxItem
      className={ITEM}
      checked={on}
      onCheckedChange={onToggle}
      onSelect={(event) => event.preventDefault()}
    >
      <span aria-hidden className="w-3 text-accent">
        {on ? "✓" : ""}
      </span>
      {children}
    </DropdownMenu.CheckboxItem>
  );
}

interface LayerProps {
  face: ReactNode;
  choice: Choice;
  onChoose: (choice: Choice) => void;
}

export function LayerMenu({ face, choice, onChoose }: LayerProps) {
  return (
    <Menu face={face} label="Layers">
      <DropdownMenu.Label className={HEADING}>On the chart</DropdownMenu.Label>
      {(Object.keys(LAYERS) as Layer[]).map((layer) => (
        <Check
          key={layer}
          on={choice.layers.includes(layer)}
          onToggle={() => onChoose({ ...choice, layers: toggled(choice.layers, layer) })}
        >
          {LAYERS[layer]}
        </Check>
      ))}
      <DropdownMenu.Label className={HEADING}>Size of the pivots behind them</DropdownMenu.Label>
      {(Object.keys(SCALES) as Scale[]).map((scale) => (
        <Check
          key={scale}
          on={choice.scales.includes(scale)}
          onToggle={() => onChoose({ ...choice, scales: toggled(choice.scales, scale) })}
        >
          {SCALES[scale]}
        </Check>
      ))}
    </Menu>
  );
}

interface IndicatorProps {
  face: ReactNode;
  chosen: readonly string[];
  onChoose: (ids: string[]) => void;
}

export function IndicatorMenu({ face, chosen, onChoose }: IndicatorProps) {
  const part = (where: "candles" | "pane") =>
    INDICATORS.filter((one) => one.where === where).map(({ id, name }) => (
      <Check key={id} on={chosen.includes(id)} onToggle={() => onChoose(toggled(chosen, id))}>
        {name}
      </Check>
    ));
  return (
    <Menu face={face} label="Indicators">
      <DropdownMenu.Label className={HEADING}>On the candles</DropdownMenu.Label>
      {part("candles")}
      <DropdownMenu.Label className={HEADING}>Below them</DropdownMenu.Label>
      {part("pane")}
    </Menu>
  );
}

interface GoToProps {
  face: ReactNode;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  first: number;
  last: number;
  onGo: (at: number) => void;
}

/** Asks for a day and a time, as the reader's clock shows them. */
export function GoToDate({ face, open, onOpenChange, first, last, onGo }: GoToProps) {
  const { zone } = useReader();
  const [wall, setWall] = useState("");
  const at = instantOf(wall, zone);
  const error = at === null || (at >= first && at <= last) ? undefined : "There are no bars at that time.";
  return (
    <Popover.Root open={open} onOpenChange={onOpenChange}>
      <Popover.Trigger className={buttonClasses("secondary", "small")} aria-label="Go to a date">
        {face}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="start" sideOffset={6} className={`${PANEL} w-72 p-4`} aria-label="Go to a date">
          <form
            className="flex flex-col gap-3"
            onSubmit={(event) => {
              event.preventDefault();
              if (at === null || error) return;
              onGo(at);
              onOpenChange(false);
            }}
          >
            <TextField
              label={`Date and time, ${zoneLabel(at ?? last, zone)}`}
              type="datetime-local"
              value={wall}
              min={wallClock(first, zone)}
              max={wallClock(last, zone)}
              error={error}
              onChange={(event) => setWall(event.target.value)}
            />
            <Button type="submit" kind="primary" size="small" disabled={at === null || Boolean(error)}>
              Show it
            </Button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
