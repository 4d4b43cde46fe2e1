"""A strategy at work: its state, kept and restored like any engine's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

from engines.engine import Engine
from engines.errors import BadParameter, EngineError
from engines.signals.levels import Book, restored_book, stored_book
from engines.signals.rows import geometry_rules
from engines.signals.strategy import Strategy, registered
from engines.signals.view import BarView, CandidateRows
from engines.state import AnyArray
from engines.timeframe import Timeframe


class StrategyRunner(Engine[Any]):
    """A strategy with its state, so that it is stored and restored like any engine.

    Parameters
    ----------
    timeframe : Timeframe or str
    strategy : str
        Name in the register.
    revision : int, optional
        Version of the strategy the state belongs to; the registered one's unless given.
    settings : mapping
        Parameters of the strategy, as far as they differ from its defaults.

    Raises
    ------
    BadParameter
    """

    NAME = "strategy"
    VERSION = 1

    def __init__(
        self,
        *,
        timeframe: Timeframe | str,
        strategy: str,
        revision: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.strategy: Strategy[Any, Any] = registered(strategy).with_parameters(settings or {})
        if revision is not None and revision != self.strategy.version:
            raise BadParameter(f"state is of version {revision} of {strategy}, this is version {self.strategy.version}")
        state = self.strategy.new_state(self.strategy.parameters)
        identity = {"strategy": strategy, "revision": self.strategy.version}
        values = cast("dict[str, Any]", self.strategy.parameters._asdict())
        super().__init__(timeframe, {**identity, "settings": values}, state)

    def advance_checked(self, view: BarView, rows: CandidateRows) -> int:
        """Run the strategy over a block; returns the number of candidates."""
        count = int(self.strategy.fold(view, self.strategy.parameters, self._state, rows))
        self.mark(view.bars.ts)
        self._check(rows, count)
        return count

    def state_arrays(self) -> dict[str, AnyArray]:
        """State with no more of each map than there is in it, so that a snapshot is small."""
        stored = super().state_arrays()
        for prefix, book in _books("", self._state):
            stored.update(stored_book(prefix, book))
        return stored

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Replace the state by what `state_arrays` once returned."""
        whole = dict(arrays)
        for prefix, _ in _books("", self._state):
            whole.update(restored_book(prefix, arrays))
        super().load_arrays(whole)

    def _check(self, rows: CandidateRows, count: int) -> None:
        """Refuse what no later stage could use: a strategy that gives it has a mistake."""
        if not count:
            return
        made = CandidateRows(*(cast("Any", column)[:count] for column in rows))
        prices = (made.direction, made.entry, made.stop, made.target_1, made.target_2)
        rules = [
            *geometry_rules(*prices),
            (np.diff(made.bar, prepend=-1) <= 0, "there is more than one signal a bar, or they are out of order"),
            (~((made.score >= 0.0) & (made.score <= 1.0)), "score must be from 0 to 1"),
        ]
        for broken, rule in rules:
            if broken.any():
                raise EngineError(f"strategy {self.strategy.name} made a signal it must not make: {rule}")


def _books(prefix: str, state: tuple[Any, ...]) -> Iterator[tuple[str, Book]]:
    """Maps in a state, with the prefix of the names of their arrays."""
    for name, value in zip(cast("Any", state)._fields, state, strict=True):
        if isinstance(value, Book):
            yield f"{prefix}{name}.", value
        elif isinstance(value, tuple):
            yield from _books(f"{prefix}{name}.", cast("tuple[Any, ...]", value))


def new_candidates(count: int) -> CandidateRows:
    """Room for one candidate a bar."""
    return CandidateRows(
        np.empty(count, np.int64),
        np.empty(count, np.int8),
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
    )
