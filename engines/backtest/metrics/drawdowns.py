"""Losses from the highest equity so far: by day, and the worst of them one by one."""

from __future__ import annotations

import numpy as np
import polars as pl

from engines.backtest.metrics.inputs import DAY_MS, Curve
from engines.bars import TS_DTYPE, FloatArray

DRAWDOWN_SCHEMA = pl.Schema(
    {
        "peak_ts": TS_DTYPE,
        "trough_ts": TS_DTYPE,
        "recovered_ts": TS_DTYPE,
        "depth": pl.Float64,
        "days": pl.Int64,
        "recovery_days": pl.Int64,
    }
)
"""One row a drawdown. ``depth`` is the lost part of the peak; ``days`` run from the peak to the recovery, or to the last
day; ``recovered_ts`` and ``recovery_days`` (from the trough on) are null where the peak was not reached again."""


def drawdown_series(equity: FloatArray, start_equity: float) -> FloatArray:
    """Part of the highest equity so far that is lost, at least 0, shape as ``equity``.

    Minus ``qs.to_drawdown_series`` and ``em.drawdown_series``. The equity before the first step counts as a peak.
    """
    peak = np.maximum(np.maximum.accumulate(equity), start_equity) if equity.shape[0] else equity
    return (peak - equity) / peak


def worst_drawdowns(curve: Curve, count: int = 5) -> pl.DataFrame:
    """The deepest drawdowns of the daily equity, deepest first; of equal ones the earlier. ``DRAWDOWN_SCHEMA``.

    The peak of one that began with the first day is the first day itself, although the equity before it is meant.
    """
    lost = drawdown_series(curve.day_equity, curve.start_equity)
    under = np.concatenate(([False], lost > 0.0, [False]))
    begin, end = np.flatnonzero(under[1:] & ~under[:-1]), np.flatnonzero(~under[1:] & under[:-1])
    days = curve.day_ts.shape[0]
    rows: list[tuple[int, int, int | None, float, int, int | None]] = []
    for first, after in zip(begin.tolist(), end.tolist(), strict=True):
        peak, trough = max(first - 1, 0), first + int(np.argmax(lost[first:after]))
        recovered = int(curve.day_ts[after]) if after < days else None
        until = recovered if recovered is not None else int(curve.day_ts[-1])
        peak_ts, trough_ts = int(curve.day_ts[peak]), int(curve.day_ts[trough])
        back = None if recovered is None else (recovered - trough_ts) // DAY_MS
        rows.append((peak_ts, trough_ts, recovered, float(lost[trough]), (until - peak_ts) // DAY_MS, back))
    rows.sort(key=lambda row: (-row[3], row[0]))
    plain = pl.Schema({name: pl.Int64 if kind == TS_DTYPE else kind for name, kind in DRAWDOWN_SCHEMA.items()})
    return pl.DataFrame(rows[:count], schema=plain, orient="row").cast(DRAWDOWN_SCHEMA)
