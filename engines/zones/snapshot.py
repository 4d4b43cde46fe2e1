"""Zone states as they are stored: what lives and the last bars, nothing that can be made again from them.

A stored zone takes 37 bytes. It cannot be much less, since its bounds and its volume are any numbers; so the size of a
snapshot is that of the zones that live (100 of each kind, scale and side at most, unless an engine is told otherwise), and
about three kilobytes besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from engines.bars import FloatArray, TimeArray
from engines.errors import StateMismatch
from engines.kernel import kernel
from engines.state import AnyArray, check_layout
from engines.zones.ladders import LAST_STAGE, awaited, settle
from engines.zones.searches import look_until
from engines.zones.state import (
    BOTTOM,
    COUNT,
    CREATED,
    GROUPS,
    NEXT_NUMBER,
    NOBODY,
    NUMBER,
    OLDEST,
    ORIGIN,
    SEARCHES,
    STAGE,
    TOP,
    VOLUME,
    YOUNGER,
    Book,
    Search,
    ZoneState,
    new_state,
)

CountArray = npt.NDArray[np.uint32]
StageArray = npt.NDArray[np.uint8]

NUMBER_BACK, CREATED_BACK, ORIGIN_BACK = range(3)
"""Columns of `StoredState.zone_times`."""


class StoredState(NamedTuple):
    """A `ZoneState` without what can be made again. ``n`` zones live; the engine has seen ``i`` bars, the last one at ``last``.

    Attributes
    ----------
    zone_counts : ndarray of int64, shape (groups,)
        How many zones of each group follow, oldest first.
    zone_stages : ndarray of uint8, shape (n,)
    zone_times : ndarray of uint32, shape (n, 3)
        `NUMBER_BACK` from the next number, `CREATED_BACK` and `ORIGIN_BACK` in bars' lengths from ``last``.
    zone_prices : ndarray of float64, shape (n, 3)
    next_number : ndarray of int64, shape (1,)
    bars : ndarray of float64, shape (half ring, 3)
        Both sought values and the volume of the last bars, the newest first.
    bars_back : ndarray of uint32, shape (half ring,)
        Their open times, like those of zones.
    best, best_ts, pivot_ts, next_bar
        As in `Search`, with all bars looked at.
    before, before_ts, body, true_range
        As in `ZoneState`.
    """

    zone_counts: TimeArray
    zone_stages: StageArray
    zone_times: CountArray
    zone_prices: FloatArray
    next_number: TimeArray
    bars: FloatArray
    bars_back: CountArray
    best: FloatArray
    best_ts: TimeArray
    pivot_ts: TimeArray
    next_bar: TimeArray
    before: FloatArray
    before_ts: TimeArray
    body: FloatArray
    true_range: FloatArray


_GROWING = frozenset({"zone_stages", "zone_times", "zone_prices"})


@kernel
def _list_zones(book: Book, last: int, step: int, stages: StageArray, times: CountArray, prices: FloatArray) -> None:
    k = 0
    following = book.counters[NEXT_NUMBER]
    for group in range(len(GROUPS)):
        slot = book.groups[group, OLDEST]
        while slot != NOBODY:
            stages[k] = book.marks[slot, STAGE]
            times[k, NUMBER_BACK] = following - book.marks[slot, NUMBER]
            times[k, CREATED_BACK] = (last - book.marks[slot, CREATED]) // step
            times[k, ORIGIN_BACK] = (last - book.marks[slot, ORIGIN]) // step
            for column in range(3):
                prices[k, column] = book.prices[slot, column]
            slot = book.marks[slot, YOUNGER]
            k += 1


@kernel
def _list_bars(search: Search, seen: int, last: int, step: int, bars: FloatArray, back: CountArray) -> None:
    """Bring the searches up to date and list the last bars."""
    mask = search.ts.shape[0] - 1
    for row in range(SEARCHES):
        if search.next_bar[row] != NOBODY:
            look_until(search, row, seen)
    for k in range(min(bars.shape[0], seen)):
        at = (seen - 1 - k) & mask
        bars[k, 0], bars[k, 1], bars[k, 2] = search.sought[0, at], search.sought[1, at], search.volume[at]
        back[k] = (last - search.ts[at]) // step


@kernel
def _enter_bars(search: Search, seen: int, last: int, step: int, bars: FloatArray, back: CountArray) -> None:
    mask = search.ts.shape[0] - 1
    for k in range(min(bars.shape[0], seen)):
        at = (seen - 1 - k) & mask
        search.sought[0, at], search.sought[1, at], search.volume[at] = bars[k, 0], bars[k, 1], bars[k, 2]
        search.ts[at] = last - back[k] * step


@kernel
def _enter_zones(
    book: Book,
    counts: TimeArray,
    stages: StageArray,
    times: CountArray,
    prices: FloatArray,
    following: int,
    last: int,
    step: int,
    ladders: TimeArray,
    rungs: FloatArray,
) -> None:
    """Enter zones into an empty book, each into the slot of its place in the list, and note what they wait for."""
    k = 0
    book.counters[NEXT_NUMBER] = following
    for group in range(len(GROUPS)):
        for _ in range(counts[group]):
            slot = settle(
                book,
                following - times[k, NUMBER_BACK],
                group,
                stages[k],
                prices[k, TOP],
                prices[k, BOTTOM],
                prices[k, VOLUME],
                last - times[k, ORIGIN_BACK] * step,
                last - times[k, CREATED_BACK] * step,
            )
            ladders[k], rungs[k] = awaited(book, slot)
            k += 1


@kernel
def _put_up_ladders(book: Book, order: TimeArray, ladders: TimeArray, rungs: FloatArray) -> None:
    for slot in order:
        ladder = ladders[slot]
        count = book.rung_counts[ladder] + 1
        book.rung_counts[ladder] = count
        book.rungs[ladder, count] = rungs[slot]
        book.rung_slots[ladder, count] = slot
        book.rung_numbers[ladder, count] = book.marks[slot, NUMBER]


def stored(state: ZoneState, seen: int, step: int) -> StoredState:
    """State in the form in which it is stored.

    Parameters
    ----------
    state : ZoneState
        Only its searches are brought up to date.
    seen : int
        How many bars the engine has seen.
    step : int
        Length of a bar, ms.
    """
    book, search = state.book, state.search
    count = int(book.groups[:, COUNT].sum())
    last = int(state.before_ts[0])
    into = _new_stored(search.ts.shape[0] // 2, count)
    _list_zones(book, last, step, into.zone_stages, into.zone_times, into.zone_prices)
    _list_bars(search, seen, last, step, into.bars, into.bars_back)
    return into._replace(
        zone_counts=book.groups[:, COUNT],
        next_number=book.counters[NEXT_NUMBER:],
        best=search.best,
        best_ts=search.best_ts,
        pivot_ts=search.pivot_ts,
        next_bar=search.next_bar,
        before=state.before,
        before_ts=state.before_ts,
        body=state.body,
        true_range=state.true_range,
    )


def revived(name: str, arrays: Mapping[str, AnyArray], widest: int, live_limit: int, seen: int, step: int) -> ZoneState:
    """State of the arrays of a `StoredState`.

    Raises
    ------
    StateMismatch
        If names, dtypes, shapes or numbers are not those of an engine ``name`` with these parameters.
    """
    state = new_state(widest, live_limit)
    book, search = state.book, state.search
    check_layout(name, _new_stored(search.ts.shape[0] // 2, 0)._asdict(), arrays, _GROWING)
    found = StoredState(**cast("dict[str, npt.NDArray[np.int64]]", dict(arrays)))  # pyright: ignore[reportArgumentType] - one type a field
    if not _is_sound(found, live_limit, seen):
        raise StateMismatch(f"snapshot of {name} has no sound table of live zones; recompute from the bars")
    last = int(found.before_ts[0])
    count = found.zone_stages.shape[0]
    ladders, rungs = np.empty(count, np.int64), np.empty(count)
    _enter_zones(
        book,
        found.zone_counts,
        found.zone_stages,
        found.zone_times,
        found.zone_prices,
        int(found.next_number[0]),
        last,
        step,
        ladders,
        rungs,
    )
    _put_up_ladders(book, np.lexsort((rungs, ladders)), ladders, rungs)
    _enter_bars(search, seen, last, step, found.bars, found.bars_back)
    for column, values in (
        (search.best, found.best),
        (search.best_ts, found.best_ts),
        (search.pivot_ts, found.pivot_ts),
        (search.next_bar, found.next_bar),
        (state.before, found.before),
        (state.before_ts, found.before_ts),
        (state.body, found.body),
        (state.true_range, found.true_range),
    ):
        column[...] = values
    return state


def _new_stored(bars: int, zones: int) -> StoredState:
    return StoredState(
        np.zeros(len(GROUPS), np.int64),
        np.zeros(zones, np.uint8),
        np.zeros((zones, 3), np.uint32),
        np.zeros((zones, 3)),
        np.zeros(1, np.int64),
        np.zeros((bars, 3)),
        np.zeros(bars, np.uint32),
        np.zeros((SEARCHES, 4)),
        np.zeros(SEARCHES, np.int64),
        np.zeros(SEARCHES, np.int64),
        np.zeros(SEARCHES, np.int64),
        np.zeros(7),
        np.zeros(1, np.int64),
        np.zeros(2),
        np.zeros(1),
    )


def _is_sound(found: StoredState, live_limit: int, seen: int) -> bool:
    """Whether the zones can be entered into a book and the searches go on: a wrong slot or bar would break memory."""
    counts, stages, times = found.zone_counts, found.zone_stages, found.zone_times
    if stages.shape[0] != times.shape[0] or stages.shape[0] != found.zone_prices.shape[0]:
        return False
    if ((counts < 0) | (counts > live_limit)).any() or int(counts.sum()) != stages.shape[0]:
        return False
    if ((found.next_bar != NOBODY) & (found.next_bar != seen)).any():
        return False
    numbers = times[:, NUMBER_BACK]
    if (stages > LAST_STAGE).any() or (numbers < 1).any() or (numbers > found.next_number[0]).any():
        return False
    return bool(np.isfinite(found.zone_prices[:, :VOLUME]).all())
