"""The other backtesters: how each is asked, what it answers, and which of its rules are not ours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.backtest_agreement import Orders, closed
from bench.backtest_case import (
    CASH,
    FEE_BP,
    QUANTITY,
    SLIPPAGE_BP,
    Crossings,
    bars_of,
    write_bars,
    write_signals,
)
from bench.environments import Peer
from bench.measure import Timing

RUN_SECONDS = 120.0
"""What all runs of one library in one case may take; a run that has begun is let finish, up to `_PATIENCE`."""
_PATIENCE = 600.0
_FEE = FEE_BP / 1e4


@dataclass(frozen=True)
class Backtester:
    """A library and its rules.

    Attributes
    ----------
    label : str
    peer : Peer
    engine : str
        Of vectorbt's two.
    cross, bracket : str
        How it differs from us where both are asked for the same; empty if it does not.
    earlier : int
        Bars by which its market orders fill before ours.
    """

    label: str
    peer: Peer
    engine: str = ""
    cross: str = ""
    bracket: str = ""
    earlier: int = 0


_VECTORBT_BRACKET = (
    "looks at stop and target from the bar after the entry's on; a target that the bar opens beyond fills at the open"
)
VECTORBT = tuple(
    Backtester(f"vectorbt, {engine}", Peer("vectorbt", "vectorbt_backtest"), engine, "", _VECTORBT_BRACKET)
    for engine in ("rust", "numba")
)
OTHERS = (
    Backtester(
        "backtesting.py",
        Peer("backtesting"),
        cross="slips entries alone (by twice as much, to cost the same); reckons what it can afford with the fee of the price "
        "before slippage; whole units of 1e-8",
        bracket="a target that the bar opens beyond fills at the open",
    ),
    Backtester(
        "backtrader",
        Peer("backtrader"),
        cross="is told the next open before it orders (cheat on open), else it could not spend all",
        bracket="stop and target are sent after the entry's bar; a target that the bar opens beyond fills at the open",
    ),
    Backtester(
        "nautilus_trader",
        Peer("nautilus_trader"),
        cross="market orders fill at the close of the bar that decided, not at the next open; no slippage as a part of the price; "
        "eight decimals",
        bracket="market orders fill at the close of the bar that decided, so stop and target see the whole next bar, its high or "
        "low in the order it assumes",
        earlier=1,
    ),
)


@dataclass(frozen=True)
class Answer:
    """What a library answered.

    Attributes
    ----------
    timing : Timing
        Of all sets it was asked for and did.
    sets : int
        How many it did before its time was up.
    orders : Orders
        Of the first set.
    equity : ndarray of float64, shape (sets,)
        Final equities, all closed.
    told : dict
        Everything else.
    """

    timing: Timing
    sets: int
    orders: Orders
    equity: np.ndarray
    told: dict[str, Any]


class Case:
    """Bars and decisions in files, for the libraries in environments of their own."""

    def __init__(self, count: int, folder: Path) -> None:
        self._folder = folder
        self._count = count
        self._close = float(bars_of(count)["close"][-1])
        self._common = {
            **write_bars(count, folder),
            "cash": CASH,
            "fee": _FEE,
            "slippage": SLIPPAGE_BP / 1e4,
            "quantity": QUANTITY,
            "orders": str(folder / "orders.npz"),
        }

    def cross(
        self, who: Backtester, decisions: Crossings, runs: int, chunk: int = 1, limit: float = RUN_SECONDS
    ) -> Answer:
        """Ask for the crossings of some sets of periods, ``chunk`` at a time."""
        asked: dict[str, Any] = {"task": "cross", "chunk": chunk, "limit_s": limit}
        for name in ("enter", "leave"):
            asked[name] = str(self._folder / f"{name}.npy")
            np.save(asked[name], getattr(decisions, name))
        return self._ask(who, asked, runs)

    def bracket(self, who: Backtester, runs: int) -> Answer:
        """Ask for the signals with stops and targets."""
        signals = write_signals(self._count, self._folder)
        return self._ask(who, {"task": "bracket", "signals": signals, "chunk": 1, "limit_s": RUN_SECONDS}, runs)

    def _ask(self, who: Backtester, asked: dict[str, Any], runs: int) -> Answer:
        told = who.peer.ask({**self._common, **asked, "runs": runs, "engine": who.engine}, _PATIENCE)
        sets = told["sets"]
        return Answer(
            Timing(who.label, self._count * sets, "bar", tuple(told["seconds"])),
            sets,
            Orders.of_file(self._common["orders"]),
            closed(told, self._close, _FEE),
            told,
        )


@contextmanager
def case(count: int) -> Iterator[Case]:
    """Files that are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Case(count, Path(folder))
