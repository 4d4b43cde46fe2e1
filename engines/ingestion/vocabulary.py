"""Words that all of ingestion shares. Nothing heavy is imported here, so that naming a source costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from engines.errors import EngineError

Clock = Callable[[], int]
"""Returns the present instant in ms UTC."""


class SourceError(EngineError):
    """A source cannot give what was asked for."""


class SourceUnavailable(SourceError):
    """The source itself is out of reach: the exchange does not answer, or the path does not exist."""


class NoSeries(SourceError):
    """The source answers, but has no candles of that market from which the timeframes can be made."""


class SourceKind(StrEnum):
    """Where candles come from; the value is what the tables call it."""

    FILES = "files"
    EXCHANGE = "exchange"
    SIMULATION = "sim"


class Status(StrEnum):
    """What became of a batch."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class MarketName(Protocol):
    """Anything that names a market by exchange and symbol."""

    @property
    def exchange(self) -> str:
        """Exchange in lower case, as in ``binance``."""
        ...

    @property
    def symbol(self) -> str:
        """Symbol as the exchange writes it, as in ``BTCUSDT``."""
        ...
