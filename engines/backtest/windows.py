"""Windows of a walk-forward: where parameters are chosen, and where they are then tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from engines.backtest.errors import BadBacktest
from engines.timeframe import Timeframe

Length = int | timedelta
"""A number of bars, or a time, which is rounded up to whole bars."""


class WindowKind(StrEnum):
    """Where the train windows begin."""

    ROLLING = "rolling"
    """Always as long before the test window: what is old is forgotten."""
    ANCHORED = "anchored"
    """At the first bar: they grow."""


@dataclass(frozen=True, kw_only=True)
class WindowPlan:
    """Lengths of the windows.

    The gap between a train window and its test window is ``purge`` and ``embargo`` together. They are told apart by what they
    are for (M. López de Prado, "Advances in Financial Machine Learning", 2018, section 7.4): ``purge`` is as long as what the
    end of the train window is judged by reaches on (the longest trade), ``embargo`` as long as the market remembers beyond it.

    Attributes
    ----------
    train : int or timedelta
        Of an anchored plan, the length of the first train window.
    test : int or timedelta
        The last test window is as long as the bars that are left.
    kind : WindowKind
    purge, embargo : int or timedelta
    """

    train: Length
    test: Length
    kind: WindowKind = WindowKind.ROLLING
    purge: Length = 0
    embargo: Length = 0


@dataclass(frozen=True, kw_only=True)
class Window:
    """A train window and its test window, ms UTC; each with its begin, without its end.

    Attributes
    ----------
    train_begin, train_end, test_begin, test_end : int
    """

    train_begin: int
    train_end: int
    test_begin: int
    test_end: int


def windows(plan: WindowPlan, first_ts: int, last_ts: int, timeframe: Timeframe) -> tuple[Window, ...]:
    """Windows over bars, in order. The test windows follow each other without a gap, up to the last bar.

    Parameters
    ----------
    plan : WindowPlan
    first_ts, last_ts : int
        Open times of the first and the last bar, ms.
    timeframe : Timeframe
        Of the bars. Bars that are missing count.

    Raises
    ------
    BadBacktest
        For a length that cannot be, or bars too few for one test bar.
    """
    step = timeframe.milliseconds
    train, test = _bars("train", plan.train, step, 1), _bars("test", plan.test, step, 1)
    gap = _bars("purge", plan.purge, step, 0) + _bars("embargo", plan.embargo, step, 0)
    end = last_ts + step
    begin = first_ts + (train + gap) * step
    if begin >= end:
        have = (end - first_ts) // step
        raise BadBacktest(
            "windows", f"need more than {train + gap:,} bars before the first test window, there are {have:,}"
        )
    made: list[Window] = []
    while begin < end:
        train_end = begin - gap * step
        made.append(
            Window(
                train_begin=first_ts if plan.kind is WindowKind.ANCHORED else train_end - train * step,
                train_end=train_end,
                test_begin=begin,
                test_end=min(begin + test * step, end),
            )
        )
        begin += test * step
    return tuple(made)


def _bars(name: str, length: Length, step: int, least: int) -> int:
    if isinstance(length, timedelta):
        count = -(-length // timedelta(milliseconds=step))
    elif isinstance(length, int) and not isinstance(length, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - plans come from files too
        count = length
    else:
        raise BadBacktest(f"windows, {name}", f"must be a number of bars or a timedelta, not {length!r}")
    if count < least:
        raise BadBacktest(f"windows, {name}", f"must be at least {least} bars, not {length!r}")
    return count
