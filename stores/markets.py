"""A market's identity: ``exchange:SYMBOL``, as in ``binance:BTCUSDT``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN = re.compile(r"(?P<exchange>[a-z0-9_]+):(?P<symbol>[A-Z0-9][A-Z0-9._/-]*)")

SIMULATED_EXCHANGE = "sim"
"""Exchange name under which simulated bars are stored, so that they can never mix with real ones."""


@dataclass(frozen=True, order=True)
class Market:
    """An exchange and a symbol traded there."""

    exchange: str
    symbol: str

    @classmethod
    def parse(cls, text: str) -> Market:
        """Read ``exchange:SYMBOL``.

        Raises
        ------
        ValueError
            If the text has another form.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a market; write exchange:SYMBOL, as in binance:BTCUSDT")
        return cls(match["exchange"], match["symbol"])

    @property
    def simulated(self) -> bool:
        """Whether the market's bars are simulated."""
        return self.exchange == SIMULATED_EXCHANGE

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}"
