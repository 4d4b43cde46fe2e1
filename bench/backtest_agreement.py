"""Whether two backtests of the same decisions traded the same; without that no speed is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from bench.indicators import Disagreement

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Orders:
    """Filled orders in order: place of the bar, +1 bought or -1 sold, price, quantity."""

    bar: np.ndarray
    side: np.ndarray
    price: np.ndarray
    quantity: np.ndarray

    @classmethod
    def of_file(cls, path: str) -> Self:
        """Read what a library in an environment of its own has written."""
        with np.load(path) as found:
            return cls(*(found[name] for name in ("bar", "side", "price", "quantity")))

    @classmethod
    def of_fills(cls, fills: pl.DataFrame, ts: pl.Series) -> Self:
        """Take fills of a backtest of ours, but for the closing of what was open at the end."""
        kept = fills.filter(pl.col("reason") != "end")
        bar = ts.search_sorted(kept["ts"]).to_numpy()
        return cls(bar, *(kept[name].to_numpy() for name in ("side", "price", "quantity")))

    def __len__(self) -> int:
        return len(self.bar)


def check_orders(ours: Orders, theirs: Orders, whose: str) -> None:
    """Compare all orders.

    Raises
    ------
    Disagreement
        If one is missing, at another bar or on the other side, or its price or quantity is not within `TOLERANCE` of theirs.
    """
    if len(ours) != len(theirs):
        raise Disagreement(f"{whose} has {len(theirs):,} orders, we have {len(ours):,}")
    for name, tolerance in (("bar", 0.0), ("side", 0.0), ("price", TOLERANCE), ("quantity", TOLERANCE)):
        mine, other = getattr(ours, name), getattr(theirs, name)
        wrong = np.flatnonzero(~(np.abs(mine - other) <= tolerance * np.abs(other)))
        if wrong.size:
            k = wrong[0]
            raise Disagreement(f"{whose} and we differ in the {name} of order {k}: {other[k]!r}, ours {mine[k]!r}")


def check_equity(ours: np.ndarray, theirs: np.ndarray, whose: str) -> None:
    """Compare final equities, one a set of parameters.

    Raises
    ------
    Disagreement
        If one is not within 1e-8 of theirs.
    """
    wrong = np.flatnonzero(~(np.abs(ours - theirs) <= 1e-8 * np.abs(theirs)))
    if len(ours) != len(theirs) or wrong.size:
        k = wrong[0] if wrong.size else min(len(ours), len(theirs))
        raise Disagreement(f"{whose} and we differ in the final equity of set {k}, and {wrong.size:,} in all")


def check_entries(ours: Orders, theirs: Orders, whose: str) -> None:
    """Compare the orders that open positions, by bar and side.

    Raises
    ------
    Disagreement
        If one of theirs is not ours, or the other way round.
    """
    same, there = same_entries(ours, theirs)
    mine = len(_entries(ours, 0))
    if not same == there == mine:
        raise Disagreement(f"{whose} has {there:,} entries and we {mine:,}, of which {same:,} are the same")


def closed(answer: Mapping[str, list[float]], close: float, fee: float) -> np.ndarray:
    """Final equities of theirs, had what was open been closed at the last close, for a fee, as ours is."""
    final = np.array(answer["final_equity"])
    return final - np.abs(answer.get("left") or np.zeros(len(final))) * close * fee


def same_entries(ours: Orders, theirs: Orders, earlier: int = 0) -> tuple[int, int]:
    """Count entries of theirs (orders taken from no position) that are ours too, and all of theirs.

    Parameters
    ----------
    ours, theirs : Orders
    earlier : int
        Bars by which theirs are known to come before ours.
    """
    mine = set(_entries(ours, 0))
    others = _entries(theirs, earlier)
    return len(mine.intersection(others)), len(others)


def _entries(orders: Orders, later: int) -> list[tuple[int, int]]:
    before = np.concatenate([[0.0], np.cumsum(orders.side * orders.quantity)[:-1]])
    opens = np.abs(before) < TOLERANCE
    return list(zip((orders.bar[opens] + later).tolist(), orders.side[opens].astype(int).tolist(), strict=True))
