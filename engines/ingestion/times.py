"""Time columns as files write them, read into instants in UTC."""

from __future__ import annotations

import polars as pl

from engines.errors import BadBars

_UTC_US = pl.Datetime("us", "UTC")

# Candles are from the age of exchanges, so the size of a number tells its unit: seconds have 9-10 digits from 1973 to
# 2286, milliseconds 12-13, microseconds 15-16, nanoseconds 18-19.
_SMALLEST_EPOCH = 100_000_000
_UNITS = (
    ("seconds", _SMALLEST_EPOCH, 1_000_000),
    ("milliseconds", _SMALLEST_EPOCH * 1_000, 1_000),
    ("microseconds", _SMALLEST_EPOCH * 1_000_000, 1),
    ("nanoseconds", _SMALLEST_EPOCH * 1_000_000_000, 0),
)
_ISO = "%Y-%m-%dT%H:%M:%S%.f%:z"
_ISO_SHAPE = r"^\s*(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?\s*$"


def read_times(column: pl.Series) -> pl.Series:
    """Read a time column of any of the usual forms.

    Parameters
    ----------
    column : Series
        Datetimes of any unit and zone (without a zone they are UTC), dates, numbers since the Unix epoch in seconds,
        milliseconds, microseconds or nanoseconds (one unit in the whole column), or text of such a number or of
        an ISO 8601 time (without a zone: UTC).

    Returns
    -------
    Series
        Datetime in microseconds, UTC.

    Raises
    ------
    BadBars
        For the first row that is null or no such time.
    """
    _refuse_first(column.is_null(), "ts is null")
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime):
        return _from_datetimes(column, dtype)
    if dtype == pl.Date:
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype.is_integer():
        return _from_epoch(column.cast(pl.Int64))
    if dtype.is_float():
        return _from_fractions(column.cast(pl.Float64))
    if dtype == pl.String:
        return _from_text(column)
    raise BadBars(f"column 'ts' is {dtype}; it must be a time or a number since the Unix epoch")


def _from_datetimes(column: pl.Series, dtype: pl.Datetime) -> pl.Series:
    if dtype.time_unit == "ns":
        _refuse_first(column.to_physical() % 1_000 != 0, "ts is finer than a microsecond")
    column = column.dt.cast_time_unit("us")
    return column.dt.replace_time_zone("UTC") if dtype.time_zone is None else column.dt.convert_time_zone("UTC")


def _from_text(column: pl.Series) -> pl.Series:
    whole = column.str.strip_chars().cast(pl.Int64, strict=False)
    if not whole.null_count():
        return _from_epoch(whole)
    if whole.null_count() < column.len():
        _refuse_first(whole.is_null(), "ts is no number of the same kind as in the other rows", column)
    fraction = column.str.strip_chars().cast(pl.Float64, strict=False)
    if not fraction.null_count():
        return _from_fractions(fraction)
    parts = column.str.extract_groups(_ISO_SHAPE).struct.unnest()
    date, minute, second, zone = (parts.to_series(i) for i in range(4))
    zone = zone.fill_null("+00:00").str.replace(r"^(Z|UTC)$", "+00:00").str.replace(r"^(...)(\d\d)$", "$1:$2")
    text = date + "T" + minute.fill_null("00:00") + second.fill_null(":00") + zone
    times = text.str.to_datetime(_ISO, time_unit="us", time_zone="UTC", strict=False)
    _refuse_first(
        times.is_null(), "ts is not a time; write 2024-01-31T00:00:00Z or a number since the Unix epoch", column
    )
    return times


def _from_fractions(numbers: pl.Series) -> pl.Series:
    _refuse_first(~numbers.is_finite(), "ts is not a finite number")
    if bool((numbers.abs() < _UNITS[1][1]).all()):
        micros = (numbers * 1_000_000).round()
        return _from_epoch(micros.cast(pl.Int64), "seconds")
    _refuse_first(numbers != numbers.floor(), "ts has a fraction")
    _refuse_first(numbers.abs() >= 9.2e18, "ts is too large for a time")
    return _from_epoch(numbers.cast(pl.Int64))


def _from_epoch(numbers: pl.Series, was: str | None = None) -> pl.Series:
    _refuse_first(numbers < _SMALLEST_EPOCH, "ts is not a number since the Unix epoch", numbers)
    unit = 0
    first = int(numbers[0]) if numbers.len() else 0
    for index, (_, smallest, _) in enumerate(_UNITS):
        if first >= smallest:
            unit = index
    name, smallest, factor = _UNITS[unit]
    outside = numbers < smallest
    if unit + 1 < len(_UNITS):
        outside |= numbers >= _UNITS[unit + 1][1]
    _refuse_first(outside, f"ts is in another unit than in the rows before it ({was or name})", numbers)
    if factor == 0:
        _refuse_first(numbers % 1_000 != 0, "ts is finer than a microsecond")
        numbers = numbers // 1_000
    else:
        numbers = numbers * factor
    return numbers.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").cast(_UTC_US)


def _refuse_first(bad: pl.Series, rule: str, shown: pl.Series | None = None) -> None:
    if not bad.any():
        return
    row = bad.arg_max()
    at = -1 if row is None else row
    value = "" if shown is None else f" (it is {str(shown[at])[:40]!r})"
    raise BadBars(rule + value, at)
