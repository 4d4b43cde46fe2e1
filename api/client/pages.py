"""Lists over all their pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T", covariant=True)
R = TypeVar("R")


class Page(Protocol[T]):
    """What a list answers."""

    @property
    def items(self) -> Sequence[T]:
        """Rows of this page."""
        ...

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins; None on the last one."""
        ...


def every(operation: Callable[..., Page[R]], **arguments: Any) -> Iterator[R]:
    """Go through all pages of a list, asking for the next one when the last one is used up.

    Examples
    --------
    >>> for signal in every(client.list_signals, market="binance:BTCUSDT"):  # doctest: +SKIP
    ...     print(signal.signal_id, signal.status)
    """
    cursor: str | None = arguments.pop("cursor", None)
    while True:
        page = operation(**arguments, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return
