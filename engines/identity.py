"""Identity of rows that can be made again: UUIDv5 of their natural key, so that a replay gives the same rows.

The name that is hashed is readable: ``zone|binance:BTCUSDT|15m|order_block|1|internal|<origin_ts>|<created_ts>`` and
``signal|binance:BTCUSDT|15m|smc_pullback|1|<ts>``, times in ms UTC, under `NAMESPACE`. Anyone can compute an id with a
standard UUID library.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.sha1 import text_uuids
from engines.timeframe import Timeframe

NAMESPACE = UUID("6f1c0c1e-6c55-5b0e-9d0a-3f2f8d1b7a94")
"""Namespace of all ids. It never changes: ids are stored, sent to subscribers and joined on."""

_TEXT_LENGTH = 36


def zone_prefix(market: str, timeframe: Timeframe | str, kind: str, side: int, scale: str | None) -> str:
    """Name of a zone without its two times."""
    return f"zone|{market}|{timeframe}|{kind}|{side}|{scale or ''}|"


def zone_id(
    market: str,
    timeframe: Timeframe | str,
    kind: str,
    side: int,
    scale: str | None,
    origin_ts: int,
    created_ts: int,
) -> str:
    """Id of a zone.

    No two zones share a key: of one kind, side and scale, a bar makes at most one order block, gap or pool, and the
    breakers it makes come from live order blocks, which have different origins.

    Parameters
    ----------
    market : str
        ``exchange:SYMBOL``.
    timeframe : Timeframe or str
    kind : str
        `engines.zones.ZoneKind`.
    side : int
        +1 demand, -1 supply.
    scale : str or None
        `engines.structure.Scale`; None for gaps.
    origin_ts, created_ts : int
        Open times of the bar the zone is drawn from and of the bar that made it, ms UTC.
    """
    return str(uuid5(NAMESPACE, f"{zone_prefix(market, timeframe, kind, side, scale)}{origin_ts}|{created_ts}"))


def signal_id(market: str, timeframe: Timeframe | str, strategy: str, ts: int, direction: int) -> str:
    """Id of a signal: a strategy decides at most one a bar and direction.

    Parameters
    ----------
    market : str
        ``exchange:SYMBOL``.
    timeframe : Timeframe or str
    strategy : str
    ts : int
        Open time of the deciding bar, ms UTC.
    direction : int
        +1 long, -1 short.
    """
    return str(uuid5(NAMESPACE, f"signal|{market}|{timeframe}|{strategy}|{direction}|{ts}"))


def ids(
    prefixes: Sequence[str],
    which: npt.NDArray[np.int64],
    *times: npt.NDArray[np.int64],
) -> pl.Series:
    """Many ids at once, without a Python object for each.

    Parameters
    ----------
    prefixes : sequence of str
        Beginnings of names, each up to and including the ``|`` before the first time.
    which : ndarray of int64, shape (n,)
        Index of the prefix of each id.
    *times : ndarray of int64, shape (n,)
        The times that follow in the name, with ``|`` between them.

    Returns
    -------
    Series of String, length n
    """
    count = which.shape[0]
    text = np.empty((count, _TEXT_LENGTH), np.uint8)
    stacked = np.ascontiguousarray(np.stack(times, axis=1)) if times else np.empty((count, 0), np.int64)
    text_uuids(NAMESPACE.bytes, [prefix.encode() for prefix in prefixes], which, stacked, text)
    offsets = np.arange(count + 1, dtype=np.int64) * _TEXT_LENGTH
    # Imported late: it takes as long to load as the rest of an engine.
    arrow: Any = import_module("pyarrow")
    array = arrow.LargeStringArray.from_buffers(count, arrow.py_buffer(offsets), arrow.py_buffer(text))
    return pl.Series("id", array, pl.String)


def signal_ids(
    market: str,
    timeframe: Timeframe | str,
    strategies: Sequence[str],
    strategy: npt.NDArray[np.integer],
    ts: npt.NDArray[np.int64],
    direction: npt.NDArray[np.integer],
) -> pl.Series:
    """`signal_id` of many signals.

    Parameters
    ----------
    market : str
    timeframe : Timeframe or str
    strategies : sequence of str
    strategy : ndarray of int, shape (n,)
        Indexes ``strategies``.
    ts : ndarray of int64, shape (n,)
    direction : ndarray of int, shape (n,)
        +1 or -1.
    """
    prefixes = [f"signal|{market}|{timeframe}|{name}|{side}|" for name in strategies for side in (1, -1)]
    which = strategy.astype(np.int64) * 2 + (direction < 0)
    return ids(prefixes, which, ts)
