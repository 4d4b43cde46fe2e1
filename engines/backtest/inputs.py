"""Takes what a backtest is given apart into arrays, and refuses what it cannot run with before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.backtest.bar_walk import Tape
from engines.backtest.config import BacktestConfig, EntryOrder, Sizing
from engines.backtest.decisions import Orders
from engines.backtest.errors import BadBacktest
from engines.backtest.rows import FUNDING_SCHEMA, SIGNAL_COLUMNS
from engines.bars import NO_BAR, TS_DTYPE, BarArrays, FloatArray, TimeArray, bar_arrays, check_bars, frozen
from engines.errors import BadBars
from engines.signals.rows import floats, times
from engines.timeframe import Timeframe

MARKET = "market"
_OPTIONAL_PRICES = ("entry", "stop", "target_1", "target_2", "quantity")
_NO_FLOATS: FloatArray = frozen(np.zeros(0))
_NO_TIMES: TimeArray = frozen(np.zeros(0, np.int64))
_NO_ORDERS = Orders(
    _NO_TIMES,
    _NO_TIMES,
    _NO_TIMES,
    frozen(np.zeros(0, np.int8)),
    _NO_FLOATS,
    _NO_FLOATS,
    _NO_FLOATS,
    _NO_FLOATS,
    _NO_FLOATS,
)
_HOUR_MS = 3_600_000
_TELLING = 10_000
"""Bars that tell a timeframe; that all stand on its grid is checked with everything else."""


@dataclass(frozen=True)
class Series:
    """Bars of all markets behind each other, and where each begins."""

    bars: BarArrays
    begin: TimeArray


def market_names(bars: pl.DataFrame, market: str) -> tuple[str, ...]:
    """Names of the markets of a frame of bars, in order; ``market`` if it has no column of them."""
    if MARKET not in bars.columns:
        return (market,)
    if bars.schema[MARKET] != pl.String or bars[MARKET].null_count():
        raise BadBacktest("bars, column market", "must be texts, without nulls")
    if not bars.height:
        raise BadBacktest("bars", "there are none")
    return tuple(sorted(bars[MARKET].unique().to_list()))


def infer_timeframe(bars: pl.DataFrame, what: str = "bars") -> Timeframe:
    """The longest timeframe on whose grid the first bars stand, no longer than the shortest step between two of them.

    Raises
    ------
    BadBacktest
        If there is none, or fewer than two bars tell it.
    """
    ts = times(bars["ts"].head(_TELLING)) if bars.schema.get("ts") == TS_DTYPE else _NO_TIMES
    steps = np.diff(ts)
    steps = steps[steps > 0]
    if not steps.shape[0]:
        raise BadBacktest(what, "fewer than two do not tell their timeframe; give it as timeframe=")
    shortest = int(steps.min())
    for grid in sorted(Timeframe, key=lambda one: -one.milliseconds):
        if grid.milliseconds <= shortest and not ((ts - grid.offset_ms) % grid.milliseconds).any():
            return grid
    raise BadBacktest(f"{what}, column ts", f"no timeframe has bars {shortest} ms apart")


def take_bars(
    bars: pl.DataFrame, names: Sequence[str], timeframe: Timeframe, last: TimeArray | None = None, what: str = "bars"
) -> Series:
    """Bars of each market, checked.

    Parameters
    ----------
    bars : DataFrame
    names : sequence of str
    timeframe : Timeframe
    last : ndarray of int64, optional
        Open time of the last bar each market has seen.
    what : str
        Name of the table in errors.

    Raises
    ------
    BadBacktest
        For the first row that breaks a rule, a market that is unknown, or a frame without a market column for many.
    """
    parts: list[BarArrays] = []
    for k, (name, frame) in enumerate(zip(names, _by_market(bars, names, what), strict=True)):
        try:
            arrays = bar_arrays(frame)
            check_bars(arrays, timeframe, NO_BAR if last is None else int(last[k]))
        except BadBars as error:
            place = f"{what} of {name}" if len(names) > 1 else what
            raise BadBacktest(f"{place}, row {error.row}" if error.row >= 0 else place, error.rule) from error
        parts.append(arrays)
    begin = np.cumsum([0, *(part.ts.shape[0] for part in parts)], dtype=np.int64)
    if len(parts) == 1:
        return Series(parts[0], frozen(begin))
    joined: list[npt.NDArray[np.generic]] = [frozen(np.concatenate(columns)) for columns in zip(*parts, strict=True)]
    return Series(BarArrays(*joined), frozen(begin))  # pyright: ignore[reportArgumentType] - one array a field, in order


def _by_market(frame: pl.DataFrame, names: Sequence[str], what: str) -> list[pl.DataFrame]:
    """Rows of each market; a frame without the column is the only market's."""
    if MARKET not in frame.columns:
        if len(names) > 1:
            raise BadBacktest(what, "column 'market' is missing; there are several markets")
        return [frame]
    unknown = set(frame[MARKET].unique().to_list()) - set(names)
    if unknown:
        raise BadBacktest(f"{what}, column market", f"{', '.join(map(str, sorted(unknown, key=str)))} has no bars")
    if len(names) == 1:
        return [frame]
    return [frame.filter(pl.col(MARKET) == name) for name in names]


def take_orders(
    signals: pl.DataFrame, names: Sequence[str], series: Series, config: BacktestConfig
) -> tuple[Orders, TimeArray]:
    """Signals in order of time, and the row of the frame each came from.

    Raises
    ------
    BadBacktest
        For the first row that breaks a rule.
    """
    if not signals.height:
        return _NO_ORDERS, _NO_TIMES
    ts, direction, prices = _signal_columns(signals)
    market = _market_numbers(signals, names)
    _check_signals(direction, prices, config)
    bar = _bars_of(ts, market, series)
    order: TimeArray = np.arange(ts.shape[0], dtype=np.int64)
    if ts.shape[0] > 1 and (ts[1:] < ts[:-1]).any():
        order = np.argsort(ts, kind="stable").astype(np.int64)
        ts, bar, market, direction = ts[order], bar[order], market[order], direction[order]
        prices = {name: column[order] for name, column in prices.items()}
    taken = [frozen(column) for column in prices.values()]
    return Orders(frozen(ts), frozen(bar), frozen(market), frozen(direction), *taken), order


def _signal_columns(signals: pl.DataFrame) -> tuple[TimeArray, npt.NDArray[np.int8], dict[str, FloatArray]]:
    """Times, directions and prices; a price that is not there is NaN."""
    columns: dict[str, pl.Series] = {}
    for name, dtype in SIGNAL_COLUMNS.items():
        if name not in signals.columns:
            if name in ("ts", "direction"):
                raise BadBacktest("signals", f"column {name!r} is missing")
            continue
        column = signals.get_column(name)
        if column.dtype != dtype:
            whole = column.dtype.is_integer() and dtype.is_numeric()
            if not whole and column.dtype != pl.Null:
                raise BadBacktest(f"signals, column {name}", f"is {column.dtype}, it must be {dtype}")
            column = column.cast(dtype)
        if name in ("ts", "direction") and column.null_count():
            raise BadBacktest(f"signals, row {column.is_null().arg_max()}", f"{name} is null")
        if dtype == pl.Float64 and column.is_nan().any():
            raise BadBacktest(
                f"signals, row {column.is_nan().arg_max()}", f"{name} is NaN; where there is none, it is null"
            )
        columns[name] = column
    absent = frozen(np.full(signals.height, np.nan))
    prices = {name: floats(columns[name]) if name in columns else absent for name in _OPTIONAL_PRICES}
    return times(columns["ts"]), columns["direction"].to_numpy(), prices


def _market_numbers(signals: pl.DataFrame, names: Sequence[str]) -> TimeArray:
    if MARKET not in signals.columns:
        if len(names) > 1:
            raise BadBacktest("signals", "column 'market' is missing; there are several markets")
        return np.zeros(signals.height, np.int64)
    numbers = signals[MARKET].replace_strict(list(names), list(range(len(names))), default=None, return_dtype=pl.Int64)
    if numbers.null_count():
        row = numbers.is_null().arg_max() or 0
        raise BadBacktest(
            f"signals, row {row}", f"there are no bars of {signals[MARKET][row]}; there are {', '.join(names)}"
        )
    return numbers.to_numpy()


def _check_signals(direction: npt.NDArray[np.int8], prices: dict[str, FloatArray], config: BacktestConfig) -> None:
    entry, stop, target_1, target_2, quantity = prices.values()
    enters = direction != 0
    side = direction.astype(np.float64)
    rules: list[tuple[npt.NDArray[np.bool_], str]] = [
        (np.abs(side) > 1.0, "direction must be +1, -1 or 0 (which closes)"),
    ]
    for name, values in prices.items():
        rules.append((enters & ((values <= 0.0) | np.isinf(values)), f"{name} must be a finite number above 0"))
    with np.errstate(invalid="ignore"):
        rules += [
            (enters & ((entry - stop) * side <= 0.0), "stop is not on the losing side of entry"),
            (enters & ((target_1 - entry) * side <= 0.0), "target_1 is not on the winning side of entry"),
            (enters & ((target_1 - stop) * side <= 0.0), "target_1 is not on the winning side of stop"),
            (enters & ((target_2 - target_1) * side <= 0.0), "target_2 is not beyond target_1"),
        ]
    rules.append((enters & np.isnan(target_1) & ~np.isnan(target_2), "target_2 is there without target_1"))
    if config.sizing is Sizing.RISK_FRACTION:
        rules.append((enters & np.isnan(stop), "stop is null; sizing by risk_fraction needs it"))
    if config.sizing is Sizing.FROM_SIGNAL:
        rules.append((enters & np.isnan(quantity), "quantity is null; sizing from_signal needs it"))
    if config.entry is not EntryOrder.MARKET:
        rules.append((enters & np.isnan(entry), f"entry is null; {config.entry} entries need it"))
    for broken, rule in rules:
        if broken.any():
            raise BadBacktest(f"signals, row {int(broken.argmax())}", rule)


def _bars_of(ts: TimeArray, market: TimeArray, series: Series) -> TimeArray:
    """Place of each signal's bar."""
    places = np.full(ts.shape[0], -1, np.int64)
    for m in range(series.begin.shape[0] - 1):
        bars = series.bars.ts[series.begin[m] : series.begin[m + 1]]
        mine = np.flatnonzero(market == m) if series.begin.shape[0] > 2 else slice(None)
        if bars.shape[0]:
            places[mine] = _places(bars, ts[mine], int(series.begin[m]))
    if (places < 0).any():
        raise BadBacktest(
            f"signals, row {int((places < 0).argmax())}", "ts is not the open time of a bar of its market"
        )
    return places


def _places(bars: TimeArray, wanted: TimeArray, offset: int) -> TimeArray:
    """Place of the bar of each time, counted from ``offset``; -1 where there is none."""
    last = bars.shape[0] - 1
    # Bars mostly follow each other without a gap: the place is known at once.
    step = max((int(bars[-1]) - int(bars[0])) // max(last, 1), 1)
    places = np.clip((wanted - bars[0]) // step, 0, last)
    missed = np.flatnonzero(bars[places] != wanted)
    if missed.shape[0]:
        places[missed] = np.minimum(np.searchsorted(bars, wanted[missed]), last)
        places += offset
        places[missed[bars[places[missed] - offset] != wanted[missed]]] = -1
        return places
    return places + offset


def take_tape(
    series: Series,
    names: Sequence[str],
    timeframe: Timeframe,
    config: BacktestConfig,
    *,
    funding: pl.DataFrame | None = None,
    mark: pl.DataFrame | None = None,
    finer: pl.DataFrame | None = None,
) -> Tape:
    """All that a call of the loop reads.

    Raises
    ------
    BadBacktest
        For a row of funding, mark or finer bars that breaks a rule, or a bar that they leave out.
    """
    step = timeframe.milliseconds
    finer_series, finer_step = Series(_no_bars(), frozen(np.zeros(len(names) + 1, np.int64))), step
    finer_begin = finer_end = _NO_TIMES
    if finer is not None:
        shorter = infer_timeframe(finer, "finer")
        if shorter.milliseconds >= step or step % shorter.milliseconds:
            raise BadBacktest("finer", f"has bars of {shorter}; {timeframe} bars are not made of these")
        finer_series, finer_step = take_bars(finer, names, shorter, what="finer"), shorter.milliseconds
        finer_begin, finer_end = _finer_ranges(series, finer_series, step, finer_step)
    marks = (_NO_FLOATS, _NO_FLOATS, _NO_FLOATS)
    if mark is not None:
        walked = series if finer is None else finer_series
        marks = _take_marks(mark, names, walked, finer_step)
    funding_ts, funding_rate, funding_begin = _take_funding(funding, names, series, step, config)
    return Tape(
        series.bars,
        series.begin,
        finer_series.bars,
        finer_begin,
        finer_end,
        *marks,
        funding_ts,
        funding_rate,
        funding_begin,
        step,
        finer_step,
    )


def _no_bars() -> BarArrays:
    return BarArrays(_NO_TIMES, _NO_FLOATS, _NO_FLOATS, _NO_FLOATS, _NO_FLOATS, _NO_FLOATS)


def _finer_ranges(series: Series, finer: Series, step: int, finer_step: int) -> tuple[TimeArray, TimeArray]:
    """For each bar the finer bars that fill it; none where one is missing."""
    count = series.bars.ts.shape[0]
    first, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for m in range(series.begin.shape[0] - 1):
        mine = slice(series.begin[m], series.begin[m + 1])
        opens = series.bars.ts[mine]
        offset = finer.begin[m]
        known = finer.bars.ts[offset : finer.begin[m + 1]]
        begin, end = np.searchsorted(known, opens), np.searchsorted(known, opens + step)
        whole = end - begin == step // finer_step
        first[mine] = np.where(whole, begin + offset, 0)
        last[mine] = np.where(whole, end + offset, 0)
    return frozen(first), frozen(last)


def _take_marks(
    mark: pl.DataFrame, names: Sequence[str], walked: Series, step: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mark prices of the bars that are walked."""
    grid = next(one for one in Timeframe if one.milliseconds == step)
    frames = mark if "volume" in mark.columns else mark.with_columns(pl.lit(0.0).alias("volume"))
    given = take_bars(frames, names, grid, what="mark")
    places: list[npt.NDArray[np.int64]] = []
    for m, name in enumerate(names):
        wanted = walked.bars.ts[walked.begin[m] : walked.begin[m + 1]]
        known = given.bars.ts[given.begin[m] : given.begin[m + 1]]
        place = np.searchsorted(known, wanted)
        missing = np.ones(wanted.shape[0], np.bool_)
        inside = place < known.shape[0]
        missing[inside] = known[place[inside]] != wanted[inside]
        if missing.any():
            first = pl.Series([int(wanted[int(missing.argmax())])]).cast(pl.Datetime("ms", "UTC"))[0]
            raise BadBacktest(
                "mark", f"{name or 'the market'} has no mark price of the bar at {first:%Y-%m-%d %H:%M} UTC"
            )
        places.append(place + given.begin[m])
    taken = np.concatenate(places)
    return frozen(given.bars.open[taken]), frozen(given.bars.high[taken]), frozen(given.bars.low[taken])


def _take_funding(
    funding: pl.DataFrame | None, names: Sequence[str], series: Series, step: int, config: BacktestConfig
) -> tuple[TimeArray, FloatArray, TimeArray]:
    if funding is None:
        return _NO_TIMES, _NO_FLOATS, frozen(np.zeros(len(names) + 1, np.int64))
    for name, dtype in FUNDING_SCHEMA.items():
        if name not in funding.columns:
            raise BadBacktest("funding", f"column {name!r} is missing")
        if funding.schema[name] != dtype:
            raise BadBacktest(f"funding, column {name}", f"is {funding.schema[name]}, it must be {dtype}")
        if funding[name].null_count():
            raise BadBacktest(f"funding, row {funding[name].is_null().arg_max()}", f"{name} is null")
    instants: list[TimeArray] = []
    rates: list[FloatArray] = []
    for m, frame in enumerate(_by_market(funding, names, "funding")):
        ts, rate = times(frame["ts"]), floats(frame["funding_rate"])
        place = f"funding of {names[m]}" if len(names) > 1 else "funding"
        bars = series.bars.ts[series.begin[m] : series.begin[m + 1]]
        _check_funding(ts, rate, bars, step, place, config.max_funding_gap_hours)
        # Exchanges stamp fundings some milliseconds late; they are due at the full second.
        instants.append(ts // 1_000 * 1_000)
        rates.append(rate)
    begin = np.cumsum([0, *(one.shape[0] for one in instants)], dtype=np.int64)
    return frozen(np.concatenate(instants)), frozen(np.concatenate(rates)), frozen(begin)


def _check_funding(ts: TimeArray, rate: FloatArray, bars: TimeArray, step: int, place: str, gap_hours: float) -> None:
    if not np.isfinite(rate).all():
        raise BadBacktest(f"{place}, row {int((~np.isfinite(rate)).argmax())}", "funding_rate is not a finite number")
    if ts.shape[0] > 1 and (np.diff(ts) <= 0).any():
        row = int((np.diff(ts) <= 0).argmax()) + 1
        raise BadBacktest(f"{place}, row {row}", "ts is not after the row before it")
    if not bars.shape[0]:
        return
    longest = gap_hours * _HOUR_MS + 60_000
    begin, end = int(bars[0]), int(bars[-1]) + step
    inside = ts[(ts >= begin - longest) & (ts <= end + longest)]
    edges = np.concatenate([[begin], np.clip(inside, begin, end), [end]])
    gaps = np.diff(edges)
    if (gaps > longest).any():
        at = int((gaps > longest).argmax())
        since = pl.Series([int(edges[at])]).cast(pl.Datetime("ms", "UTC"))[0]
        raise BadBacktest(
            place,
            f"nothing for {gaps[at] / _HOUR_MS:.1f} hours from {since:%Y-%m-%d %H:%M} UTC on, which is longer than "
            f"max_funding_gap_hours ({gap_hours:g}); bring the missing rows, or raise it if the exchange's interval is longer",
        )
