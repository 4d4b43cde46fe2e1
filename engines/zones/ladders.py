"""The book of live zones: slots, groups in order of age, and the ladders of prices they wait for."""

from __future__ import annotations

import numpy as np

from engines.bars import TimeArray
from engines.kernel import inlined_kernel, lean_kernel
from engines.zones.rows import ZoneKind
from engines.zones.state import (
    BOTTOM,
    COUNT,
    CREATED,
    FREE_COUNT,
    GROUP,
    GROUPS,
    NOBODY,
    NUMBER,
    OLDER,
    OLDEST,
    ORIGIN,
    STAGE,
    TOP,
    UNTOUCHED,
    VOLUME,
    WAS_MITIGATED,
    WAS_TOUCHED,
    YOUNGER,
    YOUNGEST,
    Book,
)

GROUP_KIND = np.array([kind for kind, _, _ in GROUPS], np.int64)
"""Kind, scale and side by group; these and those below."""
GROUP_SCALE = np.array([scale for _, scale, _ in GROUPS], np.int64)
GROUP_SIDE = np.array([side for _, _, side in GROUPS], np.int64)

_FVG, _LIQUIDITY = int(ZoneKind.FVG), int(ZoneKind.LIQUIDITY)
_FEW = 16
"""Up to so many zones are sorted one by one."""


@inlined_kernel
def awaited(book: Book, slot: int) -> tuple[int, float]:
    """Ladder of a zone, and the price on it, in the sign of its side."""
    group = book.marks[slot, GROUP]
    stage = book.marks[slot, STAGE]
    kind = GROUP_KIND[group]
    top, bottom = book.prices[slot, TOP], book.prices[slot, BOTTOM]
    supply = group & 1
    if supply:
        near, far, middle = -bottom, -top, -((top + bottom) / 2.0)
    else:
        near, far, middle = top, bottom, (top + bottom) / 2.0
    ladder = 2 * supply
    if kind == _LIQUIDITY:
        return ladder, far
    if stage == UNTOUCHED:
        return ladder, near
    if stage == WAS_TOUCHED:
        return ladder, middle
    return (ladder, far) if kind == _FVG else (ladder + 1, far)


@inlined_kernel
def climb(book: Book, slot: int) -> None:
    """Put a zone on the ladder of what it waits for. New rungs are near the market, so few have to move."""
    ladder, price = awaited(book, slot)
    j = book.rung_counts[ladder]
    if j + 1 == book.rungs.shape[1]:
        _clear_ladder(book, ladder)
        j = book.rung_counts[ladder]
    while book.rungs[ladder, j] > price:
        book.rungs[ladder, j + 1] = book.rungs[ladder, j]
        book.rung_slots[ladder, j + 1] = book.rung_slots[ladder, j]
        book.rung_numbers[ladder, j + 1] = book.rung_numbers[ladder, j]
        j -= 1
    book.rungs[ladder, j + 1] = price
    book.rung_slots[ladder, j + 1] = slot
    book.rung_numbers[ladder, j + 1] = book.marks[slot, NUMBER]
    book.rung_counts[ladder] += 1


@lean_kernel
def _clear_ladder(book: Book, ladder: int) -> None:
    """Take the rungs of ended zones off a full ladder: at least half of it, as only half of all slots are of one side."""
    kept = 0
    for j in range(1, book.rung_counts[ladder] + 1):
        slot, number = book.rung_slots[ladder, j], book.rung_numbers[ladder, j]
        if book.marks[slot, NUMBER] == number:
            kept += 1
            book.rungs[ladder, kept] = book.rungs[ladder, j]
            book.rung_slots[ladder, kept] = slot
            book.rung_numbers[ladder, kept] = number
    book.rung_counts[ladder] = kept


@inlined_kernel
def nearest(book: Book, ladder: int) -> float:
    """Price on the last rung of a ladder: that nearest to the market, in the sign of its side."""
    return book.rungs[ladder, book.rung_counts[ladder]]


@inlined_kernel
def take_due(book: Book, high: float, low: float, close: float) -> int:
    """Take the zones a bar may change off their ladders into ``due_slots``, oldest first; returns how many.

    Rungs of zones that have ended since go as well.
    """
    due = 0
    for ladder in range(4):
        sign = -1.0 if ladder >= 2 else 1.0
        rungs = book.rungs[ladder]
        count = book.rung_counts[ladder]
        if ladder & 1:
            price = sign * close
            while price < rungs[count]:
                due = _note_due(book, ladder, count, due)
                count -= 1
        else:
            price = low if ladder == 0 else -high
            while price <= rungs[count]:
                due = _note_due(book, ladder, count, due)
                count -= 1
        book.rung_counts[ladder] = count
    if due <= _FEW:
        _insert_in_order(book, due)
    else:
        _sort_by_heap(book.due_numbers, book.due_slots, due)
    return due


@inlined_kernel
def _note_due(book: Book, ladder: int, rung: int, due: int) -> int:
    slot, number = book.rung_slots[ladder, rung], book.rung_numbers[ladder, rung]
    if book.marks[slot, NUMBER] != number:
        return due
    book.due_numbers[due] = number
    book.due_slots[due] = slot
    return due + 1


@inlined_kernel
def _insert_in_order(book: Book, due: int) -> None:
    """Sort the zones noted by age, one after the other."""
    numbers, slots = book.due_numbers, book.due_slots
    for k in range(1, due):
        number, slot = numbers[k], slots[k]
        j = k
        while j > 0 and numbers[j - 1] > number:
            numbers[j] = numbers[j - 1]
            slots[j] = slots[j - 1]
            j -= 1
        numbers[j] = number
        slots[j] = slot


@lean_kernel
def _sort_by_heap(numbers: TimeArray, slots: TimeArray, count: int) -> None:
    """Sort many zones by age: a crash may reach thousands at once, and in a long trend they come youngest first."""
    parent, end = count // 2, count
    while end > 1:
        if parent > 0:
            parent -= 1
        else:
            end -= 1
            numbers[0], numbers[end] = numbers[end], numbers[0]
            slots[0], slots[end] = slots[end], slots[0]
        number, slot = numbers[parent], slots[parent]
        at, child = parent, 2 * parent + 1
        while child < end:
            if child + 1 < end and numbers[child + 1] > numbers[child]:
                child += 1
            if numbers[child] <= number:
                break
            numbers[at] = numbers[child]
            slots[at] = slots[child]
            at, child = child, 2 * child + 1
        numbers[at] = number
        slots[at] = slot


@inlined_kernel
def settle(
    book: Book, number: int, group: int, stage: int, top: float, bottom: float, volume: float, origin: int, created: int
) -> int:
    """Give a zone the next free slot, as the youngest of its group; returns the slot. It is on no ladder yet."""
    left = book.counters[FREE_COUNT] - 1
    book.counters[FREE_COUNT] = left
    slot = book.free[left]
    book.prices[slot, TOP] = top
    book.prices[slot, BOTTOM] = bottom
    book.prices[slot, VOLUME] = volume
    youngest = book.groups[group, YOUNGEST]
    book.marks[slot, NUMBER] = number
    book.marks[slot, ORIGIN] = origin
    book.marks[slot, CREATED] = created
    book.marks[slot, GROUP] = group
    book.marks[slot, STAGE] = stage
    book.marks[slot, OLDER] = youngest
    book.marks[slot, YOUNGER] = NOBODY
    if youngest == NOBODY:
        book.groups[group, OLDEST] = slot
    else:
        book.marks[youngest, YOUNGER] = slot
    book.groups[group, YOUNGEST] = slot
    book.groups[group, COUNT] += 1
    return int(slot)


@inlined_kernel
def strike_off(book: Book, slot: int) -> None:
    """Take a zone out of the book. Its rung stays until a bar reaches it or the ladder is full: to look for it costs more."""
    group = book.marks[slot, GROUP]
    older, younger = book.marks[slot, OLDER], book.marks[slot, YOUNGER]
    if older == NOBODY:
        book.groups[group, OLDEST] = younger
    else:
        book.marks[older, YOUNGER] = younger
    if younger == NOBODY:
        book.groups[group, YOUNGEST] = older
    else:
        book.marks[younger, OLDER] = older
    book.groups[group, COUNT] -= 1
    book.marks[slot, NUMBER] = NOBODY
    count = book.counters[FREE_COUNT]
    book.free[count] = slot
    book.counters[FREE_COUNT] = count + 1


@inlined_kernel
def has_origin(book: Book, group: int, origin: int) -> bool:
    """Whether an order block of the group with this origin lives.

    Only the youngest can have it. Both ends of what is searched for order blocks of a group move forward, and so does the
    first of the best bars between them: a bar that was passed over is not found again.
    """
    slot = book.groups[group, YOUNGEST]
    return slot != NOBODY and book.marks[slot, ORIGIN] == origin


LAST_STAGE = WAS_MITIGATED
"""Highest value of the `STAGE` mark."""
