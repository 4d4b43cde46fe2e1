"""Returns by month and year of the UTC calendar."""

from __future__ import annotations

import numpy as np
import polars as pl

from engines.backtest.metrics.inputs import DAY_MS, Curve, daily_returns
from engines.bars import FloatArray, TimeArray

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

MONTHLY_SCHEMA = pl.Schema({"year": pl.Int32, "month": pl.Int8, "return": pl.Float64})
YEARLY_SCHEMA = pl.Schema({"year": pl.Int32, "return": pl.Float64})
TABLE_SCHEMA = pl.Schema({"year": pl.Int32, **dict.fromkeys(MONTHS, pl.Float64), "whole_year": pl.Float64})


def monthly_returns(curve: Curve) -> pl.DataFrame:
    """Compounded return of each month from the first to the last, ``MONTHLY_SCHEMA``; the first and last may be cut.

    ``qs.monthly_returns``, which fills 0 in where there is no month.
    """
    months, returns = _compounded(curve, "M")
    year, month = np.divmod(months, 12)
    return pl.DataFrame({"year": year + 1970, "month": month + 1, "return": returns}).cast(MONTHLY_SCHEMA)


def yearly_returns(curve: Curve) -> pl.DataFrame:
    """Compounded return of each year, ``YEARLY_SCHEMA``; the first and last may be cut."""
    years, returns = _compounded(curve, "Y")
    return pl.DataFrame({"year": years + 1970, "return": returns}).cast(YEARLY_SCHEMA)


def return_table(curve: Curve) -> pl.DataFrame:
    """Years as rows, months as columns, ``TABLE_SCHEMA``. Null where the curve has no day of the month."""
    monthly, yearly = monthly_returns(curve), yearly_returns(curve)
    cells: dict[str, list[float | None]] = {name: [None] * yearly.height for name in MONTHS}
    first = int(yearly["year"][0]) if yearly.height else 0
    for year, month, value in monthly.iter_rows():
        cells[MONTHS[month - 1]][year - first] = value
    return pl.DataFrame({"year": yearly["year"], **cells, "whole_year": yearly["return"]}, schema=TABLE_SCHEMA)


def _compounded(curve: Curve, unit: str) -> tuple[TimeArray, FloatArray]:
    """Numbers of the months or years since 1970, and their returns."""
    returns = daily_returns(curve)
    if returns.shape[0] == 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    days = np.arange(returns.shape[0], dtype=np.int64) + curve.day_ts[0] // DAY_MS
    number: TimeArray = days.astype("datetime64[D]").astype(f"datetime64[{unit}]").astype(np.int64)
    starts = np.append(0, np.flatnonzero(np.diff(number)) + 1)
    return number[starts], np.multiply.reduceat(1.0 + returns, starts) - 1.0
