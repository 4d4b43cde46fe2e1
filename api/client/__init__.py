"""A typed client of the HTTP API.

Examples
--------
>>> from api.client import Client
>>> with Client("http://127.0.0.1:8000", token="cap_...") as client:  # doctest: +SKIP
...     for signal in client.every(client.list_signals, market="binance:BTCUSDT"):
...         print(signal.known_at, signal.direction, signal.entry, signal.status)
...     bars = client.frame("candles", "binance:BTCUSDT", "15m", start="2024-01-01")
"""

from __future__ import annotations

from api.client.client import Client
from api.client.errors import ApiError, NoAnswer, WrongField

__all__ = ["ApiError", "Client", "NoAnswer", "WrongField"]
