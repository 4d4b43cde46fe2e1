"""Section ``structure_zones``: structure and zones against smartmoneyconcepts, and how often either takes back what it said."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.bars import candles, many_bars
from bench.environments import Peer, PeerUnavailable
from bench.measure import Timing, side_by_side
from bench.section import Chart, ChartKind, Section, Table, Target, Tell
from engines.audit import AuditReport, rewritten_readings
from engines.bars import bar_arrays
from engines.structure import StructureEngine
from engines.zones import ZoneEngine

NAME = "structure_zones"
_SWING = 50
_PEER_SECONDS = 1_800.0
_REPLAYED, _FIRST_PREFIX, _STEP = 3_000, 500, 25
_SIZES = (10_000, 100_000, 936_000)
_AIM_ARRAYS, _AIM_FRAMES = 2_000.0, 500.0
_ONCE_SECONDS = 217.0
WHY_NOT_FASTER = (
    "smartmoneyconcepts took {seconds:.0f} s on these bars and this machine, not the 217 s that the aim was set against; "
    "of those, ours are {times:,.0f} times"
)
_TABLES = ("swings", "structure", "order_blocks", "gaps", "liquidity")


def section(quick: bool, tell: Tell) -> Section:
    """Measure at 10 thousand, 100 thousand and 936 thousand bars; with ``quick`` at the first alone."""
    made = Section(NAME, "Market structure and zones against smartmoneyconcepts")
    made.notes.append(
        f"Bars: {candles()[0]}, one-minute, repeated. Theirs: swings, BOS/CHoCH, order blocks, gaps, liquidity. Ours: the "
        "same at three scales, and of each zone its whole life: touched, mitigated, filled, swept, invalidated, breakers. "
        "Frames in and out unless it says arrays. Theirs runs once at the largest size."
    )
    sizes = _SIZES[:1] if quick else _SIZES
    rows: list[tuple[str, ...]] = []
    lines: dict[str, list[tuple[Any, float]]] = {}
    ratios: dict[str, float] = {}
    for size in sizes:
        tell(f"structure and zones, {size:,} bars")
        bars = many_bars(size)
        timings = _ours(bars)
        tell(f"structure and zones, {size:,} bars, smartmoneyconcepts")
        theirs = _theirs(made, bars, size)
        if theirs is not None:
            timings[theirs.name] = theirs
        made.timings += timings.values()
        for name, timing in timings.items():
            lines.setdefault(name, []).append((size, timing.median / size * 1e9))
            ratio = theirs.median / timing.median if theirs else float("nan")
            ratios[name] = ratio
            rows.append(
                (f"{size:,}", name, f"{timing.median:,.4f}", f"{timing.median / size * 1e9:,.0f}", f"{ratio:,.0f}")
            )
    made.tables.append(
        Table("Seconds", ("bars", "what", "seconds", "ns a bar", "times faster than smartmoneyconcepts"), tuple(rows))
    )
    made.charts.append(
        Chart(
            NAME, "Structure and zones, nanoseconds a bar (less is better)", "bars", "ns a bar", ChartKind.LINES, lines
        )
    )
    slow = next((timing.median for timing in made.timings[::-1] if timing.name == "smartmoneyconcepts"), float("nan"))
    for name, aim in (("ours, arrays", _AIM_ARRAYS), ("ours", _AIM_FRAMES)):
        how = "through advance_arrays" if "arrays" in name else "with DataFrames"
        made.targets.append(
            Target(
                f"structure and zones at least {aim:,.0f} times faster than smartmoneyconcepts at 936,000 bars, {how}",
                f"{ratios[name]:,.0f} times at {sizes[-1]:,} bars",
                ratios[name] >= aim,
                WHY_NOT_FASTER.format(seconds=slow, times=_ONCE_SECONDS / slow * ratios[name]),
            )
        )
    tell("rewritten readings of both")
    _rewritten(made, tell)
    return made


def _ours(bars: pl.DataFrame) -> dict[str, Timing]:
    arrays = bar_arrays(bars)
    events = StructureEngine(timeframe="1m").new_rows(bars.height)
    lives = ZoneEngine(timeframe="1m").new_rows(bars.height)

    def by_arrays() -> None:
        written = StructureEngine(timeframe="1m").advance_arrays(*arrays, events)
        ZoneEngine(timeframe="1m").advance_arrays(*arrays, events, written, lives)

    def by_frames() -> None:
        ZoneEngine(timeframe="1m").advance(bars, StructureEngine(timeframe="1m").advance(bars))

    return side_by_side({"ours, arrays": by_arrays, "ours": by_frames}, bars.height, "bar", 5)


def _theirs(made: Section, bars: pl.DataFrame, size: int) -> Timing | None:
    runs = 3 if size <= 100_000 else 1
    with tempfile.TemporaryDirectory() as folder:
        request = {"bars": f"{folder}/bars.npy", "runs": runs, "swing_length": _SWING}
        np.save(request["bars"], np.array(bar_arrays(bars)[1:]))
        try:
            answer = Peer("smartmoneyconcepts").ask(request, _PEER_SECONDS)
        except PeerUnavailable as error:
            made.notes.append(f"smartmoneyconcepts was not measured at {size:,} bars: {error}.")
            return None
    return Timing("smartmoneyconcepts", size, "bar", tuple(answer["seconds"]))


def _rewritten(made: Section, tell: Tell) -> None:
    """Replay the same prefixes of the same bars through both, and count the readings that did not stay."""
    bars = candles()[1].head(_REPLAYED)
    ends = range(_FIRST_PREFIX, _REPLAYED + 1, _STEP)
    rows = [_report_row("ours", "structure", rewritten_readings(_structure, bars, ends, ("scale", "kind")))]
    key = ("kind", "scale", "zone_id", "event")
    rows.append(_report_row("ours", "zones", rewritten_readings(_zones, bars, ends, key)))
    tell("rewritten readings of smartmoneyconcepts")
    with tempfile.TemporaryDirectory() as folder:
        request = {
            "bars": f"{folder}/bars.npy",
            "runs": 0,
            "swing_length": _SWING,
            "ends": list(ends),
            "folder": folder,
        }
        np.save(request["bars"], np.array(bar_arrays(bars)[1:]))
        try:
            Peer("smartmoneyconcepts").ask(request, _PEER_SECONDS)
        except PeerUnavailable as error:
            made.notes.append(f"smartmoneyconcepts was not replayed: {error}.")
        else:
            for name in _TABLES:
                shown = {end: np.load(Path(folder) / f"{name}_{end}.npy") for end in ends}

                def read(prefix: pl.DataFrame, shown: dict[int, np.ndarray] = shown) -> pl.DataFrame:
                    return _as_readings(prefix, shown[prefix.height])

                rows.append(_report_row("smartmoneyconcepts", name, rewritten_readings(read, bars, ends)))
    made.tables.append(
        Table(
            f"Readings taken back on a replay of {len(ends)} prefixes of {_REPLAYED:,} bars",
            ("whose", "readings of", "shown", "changed later", "withdrawn", "shown only later"),
            tuple(rows),
        )
    )
    made.notes.append(
        "A reading is changed, withdrawn or late if a longer run over the same bars shows something else for a bar that a "
        f"shorter one had already seen. Theirs need {_SWING} bars to confirm a swing and stamp it on its own bar, so some "
        "of the late ones are its declared way; changed and withdrawn ones are not. Ours are stamped with the bar at whose "
        "close they were known."
    )


def _structure(bars: pl.DataFrame) -> pl.DataFrame:
    return StructureEngine(timeframe="1m").advance(bars)


def _zones(bars: pl.DataFrame) -> pl.DataFrame:
    return ZoneEngine(timeframe="1m").advance(bars, _structure(bars))


def _as_readings(bars: pl.DataFrame, table: np.ndarray) -> pl.DataFrame:
    """Rows of a table aligned by bar that show anything, stamped with their bar."""
    shows = ~np.isnan(table).all(axis=1)
    columns = {f"value_{k}": table[:, k] for k in range(table.shape[1])}
    return bars.select("ts").with_columns(**{name: pl.Series(column) for name, column in columns.items()}).filter(shows)


def _report_row(whose: str, what: str, report: AuditReport) -> tuple[str, ...]:
    (counts,) = report.tables  # one reader, one table
    numbers = (counts.readings, counts.rewritten, counts.withdrawn, counts.late)
    return (whose, what, *(f"{number:,}" for number in numbers))
