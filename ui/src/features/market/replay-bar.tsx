"use client";

import { Pause, Play, SkipBack, SkipForward, X } from "lucide-react";
import { useEffect } from "react";
import { Button } from "@/components/button";
import { formatTime, zoneLabel } from "@/format/times";
import { useReader } from "@/session/reader";
import { type Replay, SPEEDS, type Speed } from "./replay";

interface Props {
  replay: Replay;
  length: number;
  onStep: (bars: number) => void;
  onChange: (replay: Replay | null) => void;
}

/** Steers a replay: step, play, speed, leave. What is hidden was not known at the time it tells. */
export function ReplayBar({ replay, length, onStep, onChange }: Props) {
  const { zone } = useReader();
  const { playing, speed, until } = replay;
  useEffect(() => {
    if (!playing) return undefined;
    const timer = setInterval(() => onStep(1), 1_000 / speed);
    return () => clearInterval(timer);
  }, [playing, speed, onStep]);
  const known = until + length;
  return (
    <div
      role="group"
      aria-label="Replay"
      className="flex flex-wrap items-center gap-2 rounded-lg border border-accent bg-raised px-3 py-2 shadow-raised"
    >
      <Button size="small" aria-label="One bar back" onClick={() => onStep(-1)}>
        <SkipBack size={15} aria-hidden />
      </Button>
      <Button
        size="small"
        kind="primary"
        aria-label={playing ? "Pause" : "Play"}
        onClick={() => onChange({ ...replay, playing: !playing })}
      >
        {playing ? <Pause size={15} aria-hidden /> : <Play size={15} aria-hidden />}
      </Button>
      <Button size="small" aria-label="One bar on" onClick={() => onStep(1)}>
        <SkipForward size={15} aria-hidden />
      </Button>
      <label className="flex items-center gap-1.5 text-sm text-soft">
        Speed
        <select
          className="h-8 rounded-md border border-line-strong bg-surface px-2 text-text"
          value={speed}
          onChange={(event) => onChange({ ...replay, speed: Number(event.target.value) as Speed })}
        >
          {SPEEDS.map((one) => (
            <option key={one} value={one}>
              {one} a second
            </option>
          ))}
        </select>
      </label>
      <p className="numeric text-sm" role="status">
        As known at <strong>{formatTime(known, zone)}</strong>{" "}
        <span className="text-faint">{zoneLabel(known, zone)}</span>
      </p>
      <Button size="small" kind="quiet" className="ml-auto" onClick={() => onChange(null)}>
        <X size={15} aria-hidden />
        Leave
      </Button>
    </div>
  );
}
