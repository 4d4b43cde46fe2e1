"""What a thread works with while it advances markets: room for what passes, and for the rows it makes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import BarArrays, FloatArray, TimeArray, frozen
from engines.chain import Chain
from engines.signals.runner import new_candidates
from engines.signals.view import CandidateRows
from engines.structure.kernel import EVENTS_PER_BAR
from engines.structure.rows import StructureRows
from engines.structure.rows import empty_rows as empty_structure
from engines.timeframe import Timeframe
from engines.zones.rows import ZoneRows
from engines.zones.rows import empty_rows as empty_zones

STRUCTURE_END, ZONES_END = range(2)
"""Columns of `Marks.ends`."""


class HigherBar(NamedTuple):
    """Room for a bar of the higher timeframe: ``ts`` and ``values`` to write it to, ``bars`` the same memory, read-only."""

    ts: TimeArray
    values: FloatArray
    bars: BarArrays


class Scratch(NamedTuple):
    """What is needed while one market is advanced; nothing in it lasts.

    Attributes
    ----------
    higher_rows : StructureRows
        Of the higher timeframe's bar.
    first_rows : ndarray of int64, shape (4,)
        ``structure_from`` and ``zones_from`` of a view of one bar.
    known : ndarray of int64, shape (1,)
        0: the one higher bar in view is known.
    candidate : CandidateRows
        One.
    pen : ndarray of int64, shape (4,)
    """

    higher_rows: StructureRows
    first_rows: TimeArray
    known: TimeArray
    candidate: CandidateRows
    pen: TimeArray


class Marks(NamedTuple):
    """How far the rows reach.

    Attributes
    ----------
    ends : ndarray of int64, shape (n, 2)
        After each bar, how many rows of structure and of zones there are.
    signal_count : ndarray of int64, shape (1,)
    """

    ends: TimeArray
    signal_count: TimeArray


class SignalsOfPart(NamedTuple):
    """Signals of a thread's markets.

    Attributes
    ----------
    strategy : ndarray of int64
        Place of a signal's strategy among the panel's.
    rows : CandidateRows
        ``bar`` is the place of the bar in the call, ``zone`` indexes the zone rows.
    """

    strategy: TimeArray
    rows: CandidateRows


class Desk(NamedTuple):
    """All of it; ``structure`` and ``zones`` are the rows of one bar after the other."""

    scratch: Scratch
    marks: Marks
    structure: StructureRows
    zones: ZoneRows
    signals: SignalsOfPart


def new_desk(chain: Chain, bars: int, zone_rows: int) -> Desk:
    """Desk for ``bars`` bars of chains like this one, with room for ``zone_rows`` zone rows."""
    signals = bars * len(chain.part("signals").strategies)
    return Desk(
        Scratch(
            empty_structure(EVENTS_PER_BAR),
            np.zeros(4, np.int64),
            np.zeros(1, np.int64),
            new_candidates(1),
            np.zeros(4, np.int64),
        ),
        Marks(np.zeros((bars, 2), np.int64), np.zeros(1, np.int64)),
        empty_structure(EVENTS_PER_BAR * bars),
        empty_zones(zone_rows),
        SignalsOfPart(np.zeros(signals, np.int64), new_candidates(signals)),
    )


def new_higher_bar() -> HigherBar:
    """Room for a bar."""
    ts, values = np.zeros(1, np.int64), np.zeros((5, 1))
    open_, high, low, close, volume = (frozen(row) for row in values)
    return HigherBar(ts, values, BarArrays(frozen(ts), open_, high, low, close, volume))


DESK_FORM = new_desk(Chain(timeframe=Timeframe.M15), 1, 1)
"""A desk, for its form."""
