"""Section ``indicators``: the fused pass against TA-Lib, polars-talib and vectorbt, on the indicators they share."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.bars import candles, many_arrays
from bench.environments import Peer, PeerUnavailable
from bench.measure import Timing, side_by_side
from bench.section import Chart, ChartKind, Section, Table, Target, Tell
from bench.talib_set import COLUMNS, SHARED, by_talib
from engines.bars import BarArrays
from engines.indicators import IndicatorEngine

NAME = "indicators"
TOLERANCE = 1e-8
_RUNS = 7
_PEER_SECONDS = 600.0
_AIM = 5.0
_VECTORBT = (
    *(
        "sma_20",
        "sma_50",
        "sma_200",
        "ema_9",
        "ema_21",
        "ema_50",
        "ema_200",
        "bb_upper_20",
        "bb_middle_20",
        "bb_lower_20",
    ),
    *("rsi_14", "stoch_k_14", "stoch_d_14", "macd", "macd_signal", "macd_hist", "atr_14", "obv"),
)


WHY_NOT_FASTER = (
    "some thirty columns are sums and extremes over sliding windows, each a chain of additions that waits for its own last "
    "value; that takes us about 2.5 ns a column, and TA-Lib about 5"
)


class Disagreement(RuntimeError):
    """Two libraries do not compute the same, so that their speeds cannot be compared."""


def _engine(columns: Sequence[str] | None = None) -> IndicatorEngine:
    return IndicatorEngine(timeframe="1m", columns=columns) if columns else IndicatorEngine(timeframe="1m")


def section(quick: bool, tell: Tell) -> Section:
    """Measure at 100 thousand, a million and ten million bars; with ``quick`` at the first alone."""
    made = Section(NAME, "Indicators: one fused pass against TA-Lib, polars-talib and vectorbt")
    made.notes.append(
        f"Bars: {candles()[0]}, one-minute, repeated. The shared set is {len(SHARED)} functions, {len(COLUMNS)} columns, of "
        f"{len(_engine().columns)} that the engine has. All of ours on one thread, arrays in and arrays out, "
        "written to arrays that are there already; TA-Lib on one thread, allocating what it returns, as it always does."
    )
    sizes = (100_000,) if quick else (100_000, 1_000_000, 10_000_000)
    lines: dict[str, list[tuple[Any, float]]] = {}
    rows: list[tuple[str, ...]] = []
    ratios: dict[int, float] = {}
    for size in sizes:
        tell(f"indicators, {size:,} bars")
        bars = many_arrays(size)
        timings = _timed(bars, size)
        made.timings += timings.values()
        _against_peers(made, timings, bars, size, tell)
        for name, timing in timings.items():
            lines.setdefault(name, []).append((size, timing.median / size * 1e9))
            rows.append(_row(name, timing, size, timings))
        ratios[size] = timings["TA-Lib"].median / timings["ours, shared set"].median
    made.tables.append(
        Table(
            "Nanoseconds a bar",
            ("bars", "what", "columns", "ns a bar", "ns a bar and column", "times only writing the columns", "spread"),
            tuple(rows),
        )
    )
    made.charts.append(
        Chart(
            "indicators", "Indicators, nanoseconds a bar (less is better)", "bars", "ns a bar", ChartKind.LINES, lines
        )
    )
    at = 1_000_000 if 1_000_000 in ratios else sizes[0]
    made.targets.append(
        Target(
            f"the fused pass at least {_AIM:g} times faster than TA-Lib on the shared set at 1,000,000 bars, one thread",
            f"{ratios[at]:.1f} times at {at:,} bars",
            ratios[at] >= _AIM,
            WHY_NOT_FASTER,
        )
    )
    return made


def _timed(bars: BarArrays, size: int) -> dict[str, Timing]:
    shared, small, everything = _engine(COLUMNS), _engine(_VECTORBT), _engine()
    room = np.zeros((len(everything.columns), size))
    check_agreement(shared, bars, by_talib(bars), "TA-Lib")

    def run(engine: IndicatorEngine) -> None:
        _engine(engine.columns).advance_arrays(*bars, room[: len(engine.columns)])

    works = {
        "ours, shared set": lambda: run(shared),
        "TA-Lib": lambda: by_talib(bars),
        "ours, all columns": lambda: run(everything),
        "ours, vectorbt's set": lambda: run(small),
        "only writing, shared set": lambda: room[: len(COLUMNS)].fill(1.0),
    }
    return side_by_side(works, size, "bar", _RUNS if size <= 1_000_000 else 3)


def check_agreement(engine: IndicatorEngine, bars: BarArrays, want: dict[str, np.ndarray], whose: str) -> None:
    """Compare columns.

    Raises
    ------
    Disagreement
        If a column is not within `TOLERANCE`, or not NaN in the same rows.
    """
    out = np.empty((len(engine.columns), bars.ts.shape[0]))
    _engine(engine.columns).advance_arrays(*bars, out)
    wrong: list[str] = []
    for name, expected in want.items():
        got = out[engine.columns.index(name)]
        with np.errstate(invalid="ignore"):
            error = np.abs(got - expected) / np.maximum(1.0, np.abs(expected))
        if (np.isnan(got) != np.isnan(expected)).any() or np.nanmax(error, initial=0.0) > TOLERANCE:
            wrong.append(name)
    if wrong:
        raise Disagreement(f"{whose} and we differ in {', '.join(wrong)}")


def _against_peers(made: Section, timings: dict[str, Timing], bars: BarArrays, size: int, tell: Tell) -> None:
    """Time the libraries that live in environments of their own, and our pass once more after each."""
    shared = _engine(COLUMNS)
    for peer, label in ((Peer("polars_talib"), "polars-talib"), (Peer("vectorbt"), "vectorbt")):
        tell(f"indicators, {size:,} bars, {label}")
        with tempfile.TemporaryDirectory() as folder:
            request = {
                "bars": f"{folder}/bars.npy",
                "columns": f"{folder}/columns.npz",
                "functions": [asdict(function) for function in SHARED],
                "runs": _RUNS if size <= 1_000_000 else 2,
            }
            np.save(request["bars"], np.array(bars[1:]))
            try:
                answer = peer.ask(request, _PEER_SECONDS)
            except PeerUnavailable as error:
                made.notes.append(f"{label} was not measured at {size:,} bars: {error}.")
                continue
            found = dict(np.load(Path(request["columns"])))
        if label == "polars-talib":
            check_agreement(shared, bars, {name: found[name] for name in COLUMNS}, label)
            label = f"polars-talib, {answer['threads']} threads"
        elif size == 100_000:
            made.notes.append(_vectorbt_differences(found, bars, answer["engine"]))
        timings[label] = replace(timings["TA-Lib"], name=label, seconds=tuple(answer["seconds"]))
        made.timings.append(timings[label])


def _vectorbt_differences(found: dict[str, np.ndarray], bars: BarArrays, engine_name: str) -> str:
    engine = _engine(_VECTORBT)
    out = np.empty((len(_VECTORBT), bars.ts.shape[0]))
    engine.advance_arrays(*bars, out)
    # Long after the start, where seeds are forgotten.
    late = slice(10_000, None)
    other = [
        name
        for name in engine.columns
        if not np.allclose(
            out[engine.columns.index(name)][late], found[name][late], rtol=1e-6, atol=1e-9, equal_nan=True
        )
    ]
    same = len(_VECTORBT) - len(other)
    return (
        f"vectorbt (its {engine_name} engine) has {len(_VECTORBT)} of the columns and seeds its averages in another way; past "
        f"the first 10,000 bars {same} of them agree to 1e-6"
        + (f", and these are defined otherwise: {', '.join(other)}." if other else ".")
    )


def _row(name: str, timing: Timing, size: int, timings: dict[str, Timing]) -> tuple[str, ...]:
    columns = {"ours, all columns": len(_engine().columns), "ours, vectorbt's set": len(_VECTORBT)}.get(
        name, len(_VECTORBT) if name == "vectorbt" else len(COLUMNS)
    )
    nanoseconds = timing.median / size * 1e9
    writing = timings["only writing, shared set"].median / size * 1e9 / len(COLUMNS) * columns
    return (
        f"{size:,}",
        name,
        str(columns),
        f"{nanoseconds:,.1f}",
        f"{nanoseconds / columns:.2f}",
        f"{nanoseconds / writing:.1f}",
        f"{timing.as_row()['spread']:.0%}",
    )
