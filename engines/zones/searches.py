"""The search for order blocks: the best bar from the origin of each pivot on.

Bars are looked at in batches. The first batch of a pivot goes back to its origin, which is as many bars old as its scale is
wide, and where legs are short there is a new pivot every few bars. So what is found in wide batches is kept from pivot to
pivot (van Herk's two halves: the best bar from each bar up to an anchor, and the best one after it). Then a bar is looked at
a few times at most, however wide the scale. Narrow batches are cheaper to look at again.
"""

from __future__ import annotations

import numpy as np

from engines.kernel import inlined_kernel, lean_kernel
from engines.zones.state import (
    ANCHOR,
    BAR_VOLUME,
    HIGH,
    LATER,
    LEAST,
    LOOKED,
    LOW,
    NOBODY,
    Search,
)

_NARROW = 64
"""A first batch of so many bars is looked at as it is."""


@inlined_kernel
def look_until(search: Search, row: int, end: int) -> None:
    """Bring the best bar of a search up to date with the bars before ``end``; the first of equals stays."""
    mask = search.ts.shape[0] - 1
    sought = search.sought[row & 1]
    least, at, first = search.best[row, LEAST], NOBODY, search.next_bar[row]
    if end - first > _NARROW and least == np.inf:
        at = best_of(search, row, first, end)
    else:
        for k in range(first, end):
            x = sought[k & mask]
            at = k if x < least else at
            least = x if x < least else least
    search.next_bar[row] = end
    if at != NOBODY:
        _take(search, row, at)


@inlined_kernel
def begin_search(search: Search, row: int, i: int, origin: int) -> None:
    """Search from the origin of a pivot on that was confirmed on bar ``i``."""
    search.best[row, LEAST] = np.inf
    search.next_bar[row] = _bar_of(search, i, origin)
    search.pivot_ts[row] = origin


@inlined_kernel
def _take(search: Search, row: int, i: int) -> None:
    """Make a bar of the ring the best one of a search."""
    at = i & (search.ts.shape[0] - 1)
    # A wild bar is searched with high and low swapped; which is which is seen from the values.
    one, other = search.sought[0, at], -search.sought[1, at]
    search.best[row, LEAST] = search.sought[row & 1, at]
    search.best[row, HIGH] = max(one, other)
    search.best[row, LOW] = min(one, other)
    search.best[row, BAR_VOLUME] = search.volume[at]
    search.best_ts[row] = search.ts[at]


@inlined_kernel
def _bar_of(search: Search, i: int, origin: int) -> int:
    """Bar before ``i`` that opened at a time."""
    mask = search.ts.shape[0] - 1
    low, high = max(i - 1 - mask, 0), i - 1
    while low < high:
        middle = (low + high) // 2
        if search.ts[middle & mask] < origin:
            low = middle + 1
        else:
            high = middle
    return low


@lean_kernel
def best_of(search: Search, row: int, first: int, end: int) -> int:
    """Best bar from ``first`` up to the one before ``end``, the first of equals; neither may be before that of the last call."""
    mask = search.ts.shape[0] - 1
    sought, following, known = search.sought[row & 1], search.following[row], search.known[row]
    last = end - 1
    if first > known[ANCHOR]:
        at, least = last, np.inf
        for k in range(last, first - 1, -1):
            x = sought[k & mask]
            at = k if x <= least else at
            least = x if x <= least else least
            following[k & mask] = at
        known[ANCHOR], known[LATER], known[LOOKED] = last, NOBODY, last
        return at
    later = known[LATER]
    least = sought[later & mask] if later != NOBODY else np.inf
    for k in range(known[LOOKED] + 1, end):
        x = sought[k & mask]
        later = k if x < least else later
        least = x if x < least else least
    known[LATER], known[LOOKED] = later, last
    at = following[first & mask]
    return int(later if least < sought[at & mask] else at)
