"""When does a market have closed bars that are not in the warehouse yet, and which months does a run then cover."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from glob import glob
from pathlib import Path

from engines.timeframe import Timeframe
from stores.markets import SIMULATED_EXCHANGE, Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse


@dataclass(frozen=True)
class Due:
    """A market with new bars.

    Attributes
    ----------
    market : Market
    first, last : datetime
        First and last instant the run must cover, UTC.
    mark : str
        Names this piece of work: the same bars give the same mark.
    """

    market: Market
    first: datetime
    last: datetime
    mark: str


def finest(timeframes: tuple[str, ...]) -> Timeframe:
    """Shortest of the timeframes."""
    return min((Timeframe(name) for name in timeframes), key=lambda timeframe: timeframe.milliseconds)


def due_by_clock(
    newest: Mapping[Series, datetime], markets: tuple[Market, ...], timeframe: Timeframe, now: datetime
) -> list[Due]:
    """Markets whose next bar of ``timeframe`` has closed by ``now``.

    Parameters
    ----------
    newest : mapping of Series to datetime
        Open time of the newest stored bar of each series.
    markets : tuple of Market
    timeframe : Timeframe
    now : datetime
        UTC.
    """
    length = timedelta(milliseconds=timeframe.milliseconds)
    closed = datetime.fromtimestamp(timeframe.open_time(int(now.timestamp() * 1000)) / 1000, UTC) - length
    due: list[Due] = []
    for market in markets:
        stored = newest.get(Series(market, timeframe.value))
        if stored is None or stored < closed:
            due.append(Due(market, stored or closed, closed, f"{market}|{closed:%Y-%m-%dT%H:%M}"))
    return due


def folder_mark(path: str) -> str:
    """Fingerprint of names, sizes and times of the candle files at a path; changes when a file does."""
    root = Path(path)
    found = root.rglob("*") if root.is_dir() else map(Path, glob(path, recursive=True))
    files = sorted(found)
    listing = [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files if file.is_file()]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]


def newest_bars(warehouse: Warehouse) -> dict[Series, datetime]:
    """Open time of the newest stored bar of each series."""
    rows = warehouse.query_rows(
        "SELECT exchange, symbol, timeframe, max(ts) AS newest FROM market.candles GROUP BY exchange, symbol, timeframe"
    )
    return {
        Series(Market(row["exchange"], row["symbol"]), row["timeframe"]): row["newest"].replace(tzinfo=UTC)
        for row in rows
    }


def configured_markets(settings: Settings) -> tuple[Market, ...]:
    """Markets the settings name; under a simulated source they are those of the simulated exchange."""
    markets = tuple(Market.parse(text) for text in settings.markets)
    if settings.source.partition(":")[0] == SIMULATED_EXCHANGE:
        return tuple(Market(SIMULATED_EXCHANGE, market.symbol) for market in markets)
    return markets
