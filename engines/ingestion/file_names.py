"""What the name of a candle file says: exchange, symbol and timeframe."""

from __future__ import annotations

import re
from pathlib import Path

from engines.ingestion.source import Series
from engines.ingestion.vocabulary import SourceError
from engines.timeframe import Timeframe

SUFFIXES = frozenset({".parquet", ".csv", ".zip"})

_OURS = re.compile(r"^(?P<exchange>[a-z0-9]+)_(?P<symbol>[A-Z0-9][A-Z0-9.-]*)_(?P<timeframe>\d+[a-zA-Z]+)(?:_.*)?$")
_ARCHIVE = re.compile(r"^(?P<symbol>[A-Z0-9]+)-(?P<timeframe>\d+[a-zA-Z]+)-(?P<period>\d{4}-\d{2}(?:-\d{2})?)$")
# In a mirror of Binance's archive these folders hold candles of other instruments or prices under the same file names.
_OTHER_INSTRUMENTS = frozenset({"futures", "option", "markPriceKlines", "indexPriceKlines", "premiumIndexKlines"})


class UnknownFileName(SourceError):
    """A file whose name does not say what it holds."""


def parse_file_name(path: Path) -> Series:
    """Read exchange, symbol and timeframe from a file's name.

    Parameters
    ----------
    path : Path
        ``binance_BTCUSDT_1m.parquet`` or ``.csv`` (anything may follow the timeframe after ``_``), or a file of
        Binance's public archive, ``BTCUSDT-1m-2024-01.zip``, ``BTCUSDT-1m-2024-01-31.csv``.

    Raises
    ------
    UnknownFileName
        If the name has another form, or a timeframe that is not known; or if it lies in a folder of Binance's archive
        that holds other instruments than spot.
    """
    ours = _OURS.match(path.stem)
    archive = None if ours else _ARCHIVE.match(path.stem)
    match = ours or archive
    if match is None:
        raise UnknownFileName(
            f"the name of {path.name} does not say what it holds; name it exchange_SYMBOL_timeframe, "
            "as in binance_BTCUSDT_1m_2024.parquet, or keep the name of Binance's archive, BTCUSDT-1m-2024-01.zip"
        )
    try:
        timeframe = Timeframe(match["timeframe"])
    except ValueError:
        known = " ".join(known.value for known in Timeframe)
        raise UnknownFileName(
            f"the name of {path.name} says timeframe {match['timeframe']!r}; known are {known}"
        ) from None
    if archive:
        other = _OTHER_INSTRUMENTS.intersection(path.parts)
        if other:
            raise UnknownFileName(
                f"{path.name} lies in a folder {min(other)!r} of Binance's archive, which holds other instruments than "
                "spot under the same names; name it exchange_SYMBOL_timeframe to ingest it"
            )
        return Series("binance", match["symbol"], timeframe)
    return Series(match["exchange"], match["symbol"], timeframe)


def archive_period(path: Path) -> str | None:
    """Month (``2024-01``) or day (``2024-01-31``) that the name of an archive file says, None for other names."""
    match = _ARCHIVE.match(path.stem)
    return match["period"] if match else None
