"""Small frames of good bars, and a normal form written plainly, one row at a time, to hold ours against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

START = 1_704_067_200_000
MINUTE = 60_000
RAW_TS = pl.Datetime("us", "UTC")
Row = tuple[int, float, float, float, float, float]


def good_bars(count: int, start: int = START, step: int = MINUTE, seed: int = 1) -> pl.DataFrame:
    """Bars that obey every rule, ``ts`` in ms."""
    random = np.random.default_rng(seed)
    close = 100.0 + np.cumsum(random.normal(0, 0.1, count))
    open_ = np.concatenate(([100.0], close[:-1]))[:count]
    return pl.DataFrame(
        {
            "ts": start + step * np.arange(count, dtype=np.int64),
            "open": open_,
            "high": np.maximum(open_, close) + 0.05,
            "low": np.minimum(open_, close) - 0.05,
            "close": close,
            "volume": random.uniform(0, 3, count),
        }
    ).cast({"ts": pl.Datetime("ms", "UTC")})


def with_times(bars: pl.DataFrame, ts_ms: Sequence[int]) -> pl.DataFrame:
    """The same values at other times."""
    return bars.with_columns(ts=pl.Series(list(ts_ms), dtype=pl.Int64).cast(pl.Datetime("ms", "UTC")))


def plain_normal_form(rows: Sequence[Row], step: int) -> tuple[list[Row], int, int, int]:
    """Bars, snapped, refused and duplicates of rows without bad values, times in ms, by dictionaries and loops."""
    seen: dict[int, Row] = {}
    kept: list[Row] = []
    duplicates = 0
    for row in rows:
        if row[0] in seen:
            assert seen[row[0]] == row
            duplicates += 1
        else:
            seen[row[0]] = row
            kept.append(row)
    slots: dict[int, list[Row]] = {}
    for row in kept:
        slots.setdefault(row[0] // step * step, []).append(row)
    bars: list[Row] = []
    snapped = refused = 0
    for slot, inside in sorted(slots.items()):
        exact = [row for row in inside if row[0] == slot]
        if exact:
            bars.append(exact[0])
            refused += len(inside) - 1
        elif len(inside) == 1 and (inside[0][0] - slot) * 2 < step:
            bars.append((slot, *inside[0][1:]))
            snapped += 1
        else:
            refused += len(inside)
    return bars, snapped, refused, duplicates
