"""Independent pieces of a run's work, side by side on the machine's cores.

Threads are enough: kernels, frames and the network all run without the interpreter's lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> Iterator[ResultT]:
    """Do ``work`` on each item, as many at a time as there are cores; yields the results in the order of the items.

    When one fails, those that have not begun are dropped, those that have are waited for, and its error is raised.
    """
    threads = min(len(items), cores())
    if threads < 2:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads, "series")
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)
