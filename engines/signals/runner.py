"""A strategy at work: its state, kept and restored like any engine's, and the guard that keeps its mistakes to itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import numpy as np

from engines.bars import NO_BAR
from engines.engine import Engine
from engines.errors import BadParameter
from engines.signals.compiling import ANOTHER_BAR, TOO_MANY, read_only
from engines.signals.levels import Book, restored_book, stored_book
from engines.signals.rows import geometry_rules
from engines.signals.strategy import Strategy, registered
from engines.signals.view import BarView, CandidateRows
from engines.state import AnyArray
from engines.timeframe import Timeframe

_FAILED, _REASON = "@failed", "@reason"
_REASON_BYTES = 240
_WALK_RULES = {
    TOO_MANY: "it must return n, or what propose returned: at most one signal a bar",
    ANOTHER_BAR: "it made a signal of another bar than the one it was to decide",
}


@dataclass(frozen=True)
class StrategyFailure:
    """A strategy that was switched off.

    Attributes
    ----------
    strategy : str
    ts : datetime
        Open time of the bar it failed at, UTC.
    reason : str
        What it did, in words.
    """

    strategy: str
    ts: datetime
    reason: str

    def __str__(self) -> str:
        return f"strategy {self.strategy} is switched off since the bar of {self.ts:%Y-%m-%d %H:%M}: {self.reason}"


class _Mistake(NamedTuple):
    """Bar of the block at which a strategy went wrong, and how."""

    bar: int
    reason: str


class StrategyRunner(Engine[Any]):
    """A strategy with its state, so that it is stored and restored like any engine.

    A strategy that raises or makes a signal no one can use is switched off: it makes no more signals for as long as this state
    lives, its earlier ones stay. Where the bars are cut makes no difference to that.

    Parameters
    ----------
    timeframe : Timeframe or str
    strategy : str
        Name in the register.
    revision : int, optional
        Version of the strategy the state belongs to; the registered one's unless given.
    source : str, optional
        Hash of the file the strategy of the state was in; likewise.
    settings : mapping
        Parameters of the strategy, as far as they differ from its defaults.

    Raises
    ------
    BadParameter
    """

    NAME = "strategy"
    VERSION = 2

    def __init__(
        self,
        *,
        timeframe: Timeframe | str,
        strategy: str,
        revision: int | None = None,
        source: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.strategy: Strategy[Any, Any] = registered(strategy).with_parameters(settings or {})
        if revision is not None and revision != self.strategy.version:
            raise BadParameter(f"state is of version {revision} of {strategy}, this is version {self.strategy.version}")
        if source is not None and source != self.strategy.source:
            raise BadParameter(f"state is of another content of the file of {strategy}")
        state = self.strategy.new_state(self.strategy.parameters)
        identity = {"strategy": strategy, "revision": self.strategy.version, "source": self.strategy.source}
        values = cast("dict[str, Any]", self.strategy.parameters._asdict())
        super().__init__(timeframe, {**identity, "settings": values}, state)
        self._failed_ts = NO_BAR
        self._reason = ""

    @property
    def failure(self) -> StrategyFailure | None:
        """Why and when it was switched off, if it was."""
        if self._failed_ts == NO_BAR:
            return None
        return StrategyFailure(self.strategy.name, datetime.fromtimestamp(self._failed_ts / 1000, UTC), self._reason)

    def advance_checked(self, view: BarView, rows: CandidateRows) -> int:
        """Run the strategy over a block; returns the number of candidates."""
        self.mark(view.bars.ts)
        if self._failed_ts != NO_BAR:
            return 0
        count, mistake = self._run(view, rows)
        count, earlier = _check(rows, count, view, len(self.strategy.reasons))
        mistake = earlier or mistake
        if mistake is not None:
            self._switch_off(int(view.bars.ts[mistake.bar]), mistake.reason)
        return count

    def state_arrays(self) -> dict[str, AnyArray]:
        """State with no more of each map than there is in it, so that a snapshot is small; and the failure, if there is one."""
        stored = super().state_arrays()
        for prefix, book in _books("", self._state):
            stored.update(stored_book(prefix, book))
        if self._failed_ts != NO_BAR:
            stored[_FAILED] = np.array([self._failed_ts], np.int64)
            stored[_REASON] = np.frombuffer(self._reason.encode(), np.uint8)
        return stored

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Replace the state by what `state_arrays` once returned."""
        whole = dict(arrays)
        failed, reason = whole.pop(_FAILED, None), whole.pop(_REASON, None)
        for prefix, _ in _books("", self._state):
            whole.update(restored_book(prefix, arrays))
        super().load_arrays(whole)
        if failed is not None and reason is not None:
            self._failed_ts = int(failed[0])
            self._reason = reason.tobytes().decode()

    def _run(self, view: BarView, rows: CandidateRows) -> tuple[int, _Mistake | None]:
        """Candidates written before anything went wrong, and what did."""
        walked = self.strategy.decide is not None
        try:
            count = int(
                self.strategy.fold(read_only(view) if walked else view, self.strategy.parameters, self._state, rows)
            )
        except Exception as error:
            bar, count = self._state.place.tolist() if walked else (0, 0)
            return count, _Mistake(bar, _words_of(error))
        if walked and count < 0:
            bar, written = self._state.place.tolist()
            return written, _Mistake(bar, _WALK_RULES[count])
        return count, None

    def _switch_off(self, ts: int, reason: str) -> None:
        self._failed_ts = ts
        self._reason = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        # What it remembered is of no use any more, and depends on how far the block went on.
        _copy(self.strategy.new_state(self.strategy.parameters), self._state)


def _copy(source: tuple[Any, ...], target: tuple[Any, ...]) -> None:
    for mine, theirs in zip(source, target, strict=True):
        if isinstance(mine, tuple):
            _copy(cast("tuple[Any, ...]", mine), theirs)
        else:
            theirs[...] = mine


def _books(prefix: str, state: tuple[Any, ...]) -> Iterator[tuple[str, Book]]:
    """Maps in a state, with the prefix of the names of their arrays."""
    for name, value in zip(cast("Any", state)._fields, state, strict=True):
        if isinstance(value, Book):
            yield f"{prefix}{name}.", value
        elif isinstance(value, tuple):
            yield from _books(f"{prefix}{name}.", cast("tuple[Any, ...]", value))


def _words_of(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, IndexError) and "out of bounds" in text:
        return f"it reads beyond an array ({text}): of a view only what is known at the bar can be read"
    if isinstance(error, ZeroDivisionError):
        return "it divides by zero"
    return f"it raised {type(error).__name__}{f': {text}' if text else ''}"


def _check(rows: CandidateRows, count: int, view: BarView, reasons: int) -> tuple[int, _Mistake | None]:
    """Candidates before the first that no later stage could use, and what is wrong with that one."""
    if count == 0:
        return 0, None
    bars = view.bars.ts.shape[0]
    if not 0 < count <= min(bars, rows.bar.shape[0]):
        return 0, _Mistake(0, f"it says it made {count} signals of {bars} bars")
    made = CandidateRows(*(cast("Any", column)[:count] for column in rows))
    prices = (made.direction, made.entry, made.stop, made.target_1, made.target_2)
    positive = (made.entry > 0.0) & (made.stop > 0.0) & (made.target_1 > 0.0) & ~(made.target_2 <= 0.0)
    bar = np.clip(made.bar, 0, bars - 1)
    of_bar = (made.zone >= view.zones_from[bar]) & (made.zone < view.zones_from[bar + 1])
    rules = [
        ((made.bar < 0) | (made.bar >= bars), "it made a signal of a bar that is not there"),
        (np.diff(made.bar, prepend=-1) <= 0, "it made more than one signal a bar, or not in order of bars"),
        *((broken, f"it made a signal it must not make: {rule}") for broken, rule in geometry_rules(*prices)),
        (~positive, "it made a signal it must not make: a price is not above zero"),
        (
            ~((made.score >= 0.0) & (made.score <= 1.0)),
            "it made a signal it must not make: score must be from 0 to 1",
        ),
        ((made.zone != -1) & ~of_bar, "it made a signal it must not make: zone is no row of its bar"),
        ((made.reasons < 0) | (made.reasons >= 1 << reasons), "it made a signal with a reason it does not have"),
    ]
    firsts = [(int(broken.argmax()), reason) for broken, reason in rules if broken.any()]
    if not firsts:
        return count, None
    first, reason = min(firsts, key=lambda found: found[0])
    return first, _Mistake(int(bar[first]), reason)


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
