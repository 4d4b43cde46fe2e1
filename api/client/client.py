"""The client: every operation, lists over all pages, and frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from api.client import frames, pages
from api.client.operations import Operations
from api.client.transport import Transport

if TYPE_CHECKING:
    import polars as pl

R = TypeVar("R")


class Client(Operations):
    """A caller of the API.

    Parameters
    ----------
    base_url : str
        Where the API is, such as ``http://127.0.0.1:8000``.
    token : str, optional
        An API key or an access token; without one, what anybody may see.
    **options : object
        Of `api.client.transport.Transport`: ``tries``, ``timeout_s``, ``verify``.
    """

    def __init__(self, base_url: str, token: str | None = None, **options: Any) -> None:
        super().__init__(Transport(base_url, token, **options))

    def every(self, operation: Callable[..., pages.Page[R]], **arguments: Any) -> Iterator[R]:
        """Go through all pages of a list."""
        return pages.every(operation, **arguments)

    def frame(
        self,
        table: frames.Table,
        market: str,
        timeframe: str,
        *,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
    ) -> pl.DataFrame:
        """Read candles, indicators, structure or zones of ``[start, end)`` as a data frame."""
        return frames.read_frame(self._transport, table, market, timeframe, start=start, end=end)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
