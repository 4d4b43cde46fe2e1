"""What the zone engine carries from bar to bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.structure.rows import Scale
from engines.zones.rows import NO_SCALE, ZoneKind

LIVE_MOST = 100
"""Most zones that live at a time in one group, unless an engine is told otherwise; one more ends the oldest."""

_PIVOT_SCALES = (int(Scale.INTERNAL), int(Scale.SWING))

GROUPS = tuple(
    (int(kind), scale, side)
    for kind, scales in (
        (ZoneKind.ORDER_BLOCK, _PIVOT_SCALES),
        (ZoneKind.BREAKER, _PIVOT_SCALES),
        (ZoneKind.FVG, (NO_SCALE,)),
        (ZoneKind.LIQUIDITY, (int(Scale.MICRO),)),
    )
    for scale in scales
    for side in (1, -1)
)
"""Kind, scale and side of each group of zones; demand groups are even, supply groups odd."""

TOP, BOTTOM, VOLUME = range(3)
"""Columns of `Book.prices`."""
NUMBER, ORIGIN, CREATED, GROUP, STAGE, OLDER, YOUNGER = range(7)
"""Columns of `Book.marks`."""
OLDEST, YOUNGEST, COUNT = range(3)
"""Columns of `Book.groups`."""
FREE_COUNT, NEXT_NUMBER = range(2)
"""Elements of `Book.counters`."""
UNTOUCHED, WAS_TOUCHED, WAS_MITIGATED = range(3)
"""Values of the `STAGE` mark."""
LEAST, HIGH, LOW, BAR_VOLUME = range(4)
"""Columns of `Search.best`."""
ANCHOR, LATER, LOOKED = range(3)
"""Columns of `Search.known`."""
OPEN_1, HIGH_1, LOW_1, CLOSE_1, VOLUME_1, HIGH_2, LOW_2 = range(7)
"""Elements of `ZoneState.before`: of the last bar (1) and the one before it (2)."""
SEARCHES = 4
"""One for each side of the scales internal and swing."""
NOBODY = -1
"""Number of an empty slot, neighbour of the first and the last of a group, bar of a search without a pivot."""


class Book(NamedTuple):
    """The zones that live.

    Each has a slot. The slots of a group are linked from oldest to youngest. What a zone waits for next is a price on one of
    four ladders: of demand or supply, reached by the bar's extreme or passed by its close. Ladders are kept in the sign of
    their side (supply prices negated), ascending, so that the rung nearest to the market is the last and a bar that reaches
    none of the four last rungs changes nothing, however many zones live.

    Attributes
    ----------
    prices : ndarray of float64, shape (slots, 3)
        `TOP`, `BOTTOM`, `VOLUME`.
    marks : ndarray of int64, shape (slots, 7)
        Running number, open times of origin and creation, group, stage, and the slots before and after in the group.
    groups : ndarray of int64, shape (groups, 3)
        Slots of the oldest and youngest, and how many.
    free : ndarray of int64, shape (slots,)
        Stack of empty slots.
    counters : ndarray of int64, shape (2,)
        `FREE_COUNT`, `NEXT_NUMBER`.
    rungs : ndarray of float64, shape (4, slots + 1)
        Ladder ``2 * supply + passed_by_close``; rung 0 is -inf.
    rung_slots, rung_numbers : ndarray of int64, shape (4, slots + 1)
        Slot and running number of the zone that waits; a slot with another number says that it has ended.
    rung_counts : ndarray of int64, shape (4,)
    due_slots, due_numbers : ndarray of int64, shape (slots,)
        Room for the zones a bar may change.
    """

    prices: FloatArray
    marks: TimeArray
    groups: TimeArray
    free: TimeArray
    counters: TimeArray
    rungs: FloatArray
    rung_slots: TimeArray
    rung_numbers: TimeArray
    rung_counts: TimeArray
    due_slots: TimeArray
    due_numbers: TimeArray


class Search(NamedTuple):
    """The search for order blocks: the last bars, and the best bar since the origin of each pivot.

    Bars are looked at in batches: when a pivot is broken, and before they leave the ring.

    Attributes
    ----------
    sought : ndarray of float64, shape (2, ring)
        Searched low and negated searched high (swapped where the bar was wild) of the last bars, bar ``i`` in column
        ``i % ring``, a power of two.
    volume : ndarray of float64, shape (ring,)
    ts : ndarray of int64, shape (ring,)
    best : ndarray of float64, shape (4, 4)
        What is known of the best bar since the origin of the last pivot, in row ``2 * (scale - internal) + side`` (high,
        low): `LEAST` sought value, high, low, volume.
    best_ts, pivot_ts : ndarray of int64, shape (4,)
        Open time of that bar and of the pivot's.
    next_bar : ndarray of int64, shape (4,)
        Absolute index of the first bar that has not been looked at; `NOBODY` while there is no pivot.
    following : ndarray of int64, shape (4, ring)
        For bars up to `ANCHOR`: index of the best bar from it to the anchor.
    known : ndarray of int64, shape (4, 3)
        `ANCHOR`; `LATER`, the best of the bars after it; `LOOKED`, the last of those. Both arrays only save looks and can be
        made again from the bars.
    """

    sought: FloatArray
    volume: FloatArray
    ts: TimeArray
    best: FloatArray
    best_ts: TimeArray
    pivot_ts: TimeArray
    next_bar: TimeArray
    following: TimeArray
    known: TimeArray


class ZoneState(NamedTuple):
    """State of the zone engine.

    Attributes
    ----------
    book : Book
    search : Search
    before : ndarray of float64, shape (7,)
        What gaps need of the last two bars.
    before_ts : ndarray of int64, shape (1,)
        Open time of the last bar.
    body : ndarray of float64, shape (2,)
        Sum of all relative bodies so far, and what rounding took from it.
    true_range : ndarray of float64, shape (1,)
        What `true_range_average` carries.
    """

    book: Book
    search: Search
    before: FloatArray
    before_ts: TimeArray
    body: FloatArray
    true_range: FloatArray


def new_book(live_limit: int) -> Book:
    """Book without a zone, with room for ``live_limit`` in each group."""
    slots = live_limit * len(GROUPS)
    marks = np.zeros((slots, 7), np.int64)
    marks[:, NUMBER] = NOBODY
    groups = np.full((len(GROUPS), 3), NOBODY, np.int64)
    groups[:, COUNT] = 0
    rungs = np.zeros((4, slots + 1))
    rungs[:, 0] = -np.inf
    return Book(
        np.zeros((slots, 3)),
        marks,
        groups,
        np.arange(slots - 1, -1, -1, dtype=np.int64),
        np.array([slots, 0], np.int64),
        rungs,
        np.zeros((4, slots + 1), np.int64),
        np.zeros((4, slots + 1), np.int64),
        np.zeros(4, np.int64),
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
    )


def new_state(widest: int, live_limit: int) -> ZoneState:
    """State before the first bar, for pivots up to ``widest`` bars old at their confirmation."""
    # Bars are looked at every half ring at the latest, and a new pivot may be as old as the widest scale.
    ring = 2 << widest.bit_length()
    search = Search(
        np.zeros((2, ring)),
        np.zeros(ring),
        np.zeros(ring, np.int64),
        np.zeros((SEARCHES, 4)),
        np.zeros(SEARCHES, np.int64),
        np.zeros(SEARCHES, np.int64),
        np.full(SEARCHES, NOBODY, np.int64),
        np.zeros((SEARCHES, ring), np.int64),
        np.full((SEARCHES, 3), NOBODY, np.int64),
    )
    return ZoneState(new_book(live_limit), search, np.zeros(7), np.zeros(1, np.int64), np.zeros(2), np.zeros(1))
