"""Bars for commands that try something on them: from a source, or from the warehouse."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli.errors import CommandFailed
from deploy.cli.options import Options, read_settings
from stores.markets import Market

if TYPE_CHECKING:
    import polars as pl

    from engines.ingestion.source import CandleSource
    from engines.timeframe import Timeframe
    from stores.warehouse import Warehouse

STORED = "stored"
"""Source that stands for the bars the warehouse holds."""

_SIMULATED_DAYS = timedelta(days=75)
_FIRST_SIMULATED = date(2024, 1, 1)


@dataclass(frozen=True)
class GivenBars:
    """Bars of one market.

    Attributes
    ----------
    market : str
    bars : DataFrame
        Of the timeframe asked for.
    finer : DataFrame, optional
        Bars of a shorter timeframe that the same source has.
    """

    market: str
    bars: pl.DataFrame
    finer: pl.DataFrame | None = None


def read_source(source_text: str, market: Market, timeframe: Timeframe, options: Options) -> GivenBars:
    """Bars that a source has between the days of the options.

    The simulated market, which never ends, gives 75 days unless told otherwise.

    Raises
    ------
    CommandFailed
        If the source has none, or what it has was refused.
    """
    import polars as pl

    from engines.bars import BAR_SCHEMA
    from engines.ingestion import open_source
    from engines.ingestion.source import SourceError
    from engines.resample import ResampleEngine

    since, until = options.since, options.until
    if source_text == "sim" and since is None:
        since = (until - _SIMULATED_DAYS) if until else _FIRST_SIMULATED
    if source_text == "sim" and until is None and since is not None:
        until = since + _SIMULATED_DAYS
    first, last = _edge(since), _edge(until + timedelta(days=1) if until else None)
    try:
        source: CandleSource = open_source(source_text)
        base = source.choose_base(market, [timeframe], first, last)
        frames: list[pl.DataFrame] = []
        for batch in source.read(market, base, first, last):
            if not batch.report.accepted:
                raise CommandFailed(f"{batch.report.origin} was refused: {batch.report.reason}")
            frames.append(batch.bars.select(BAR_SCHEMA.names()))
    except SourceError as error:
        raise CommandFailed(str(error)) from error
    finer = pl.concat([BAR_SCHEMA.to_frame(), *frames]).unique("ts", keep="last", maintain_order=True).sort("ts")
    bars = finer
    if base is not timeframe and finer.height:
        bars = ResampleEngine(base=base, timeframe=timeframe).advance(finer).drop("base_bars")
    if not bars.height:
        raise CommandFailed(
            f"{source_text} has no complete {timeframe.value} bars of {market} between the days asked for"
        )
    return GivenBars(str(market), bars, None if base is timeframe else finer)


def read_stored(
    options: Options, timeframes: list[Timeframe], home: Path | None, *, purpose: str, finer: bool = False
) -> list[tuple[Timeframe, GivenBars]]:
    """Bars that the warehouse holds between the days of the options, of each market and timeframe.

    Parameters
    ----------
    options : Options
        Without markets those of the settings.
    timeframes : list of Timeframe
    home : Path, optional
    purpose : str
        Told to the server with each query.
    finer : bool
        Whether the shortest stored timeframe of each market is read too.

    Raises
    ------
    CommandFailed
        If nothing of a series is stored.
    """
    from assets.fold import read_bars
    from deploy.cli.interrupts import raise_on_signals
    from deploy.cli.run import running_stores
    from stores.warehouse import Series, Warehouse, migrate

    first = datetime.combine(options.since or date(1970, 1, 1), time(), UTC)
    last = datetime.combine(options.until or date(2199, 12, 31), time(), UTC) + timedelta(days=1)
    found: list[tuple[Timeframe, GivenBars]] = []
    with raise_on_signals(), running_stores(read_settings(home)) as settings:
        migrate(settings)
        with closing(Warehouse.connect(settings, origin=f'{{"asset": "{purpose}"}}')) as warehouse:
            for text in options.markets or settings.markets:
                market = Market.parse(text)
                for timeframe in timeframes:
                    bars = read_bars(warehouse, Series(market, timeframe.value), first, last)
                    if not bars.height:
                        raise CommandFailed(
                            f"no {timeframe.value} bars of {text} are stored; bring them in with 'cap run'"
                        )
                    shorter = _shortest_stored(warehouse, market, timeframe) if finer else None
                    small = read_bars(warehouse, Series(market, shorter.value), first, last) if shorter else None
                    found.append((timeframe, GivenBars(text, bars, small)))
    return found


def _shortest_stored(warehouse: Warehouse, market: Market, timeframe: Timeframe) -> Timeframe | None:
    """Shortest timeframe of a market that is stored and that bars of ``timeframe`` are made of."""
    from engines.timeframe import Timeframe as Grid

    rows = warehouse.query_rows(
        "SELECT DISTINCT timeframe FROM market.candles WHERE exchange = {exchange:String} AND symbol = {symbol:String}",
        {"exchange": market.exchange, "symbol": market.symbol},
    )
    shorter = [
        one
        for one in (Grid(row["timeframe"]) for row in rows)
        if one is not timeframe and timeframe.is_multiple_of(one)
    ]
    return min(shorter, key=lambda one: one.milliseconds, default=None)


def _edge(day: date | None) -> int | None:
    return None if day is None else int(datetime.combine(day, time(), UTC).timestamp() * 1000)
