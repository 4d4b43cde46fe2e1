"""A server that speaks the few of Binance's REST endpoints that candles need, and misbehaves when told to."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Kline = list[Any]
Reply = tuple[int, dict[str, str], bytes]
Fault = Callable[[list[Kline]], Reply | None]
"""Takes the klines that would be sent; gives status, headers and body, or None to send nothing and hang up."""


def kline(
    ts: int, close: float = 100.0, *, high: float | None = None, volume: float = 1.5, step: int = 60_000
) -> Kline:
    """One kline as Binance writes it."""
    values = (close, high if high is not None else close + 1, close - 1, close, volume)
    return [ts, *(f"{value:.8f}" for value in values), ts + step - 1, "0", 1, "0", "0", "0"]


@dataclass
class FakeBinance:
    """State of the server.

    Attributes
    ----------
    klines : list
        What there is, oldest first.
    now : int
        The exchange's clock, ms UTC.
    faults : deque of Fault
        What happens instead of the next replies with klines; None stands for a good reply.
    requests : list of (path, parameters)
        What was asked.
    """

    klines: list[Kline] = field(default_factory=list)
    now: int = 0
    faults: deque[Fault | None] = field(default_factory=deque)
    info_faults: deque[Fault | None] = field(default_factory=deque)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    @property
    def configuration(self) -> dict[str, Any]:
        """Configuration that points a ccxt client at the server."""
        api = dict.fromkeys(("public", "private", "v1"), f"{self.url}/api/v3")
        return {"urls": {"api": api}, "rateLimit": 1, "timeout": 2_000, "requests_trust_env": False}

    def asked(self, path: str) -> list[dict[str, str]]:
        """Parameters of the requests for a path."""
        return [parameters for asked, parameters in self.requests if asked == path]

    def answer(self, path: str, parameters: dict[str, str]) -> Reply | None:
        self.requests.append((path, parameters))
        if path == "/api/v3/time":
            return ok({"serverTime": self.now})
        if path == "/api/v3/exchangeInfo":
            fault = self.info_faults.popleft() if self.info_faults else None
            return fault([]) if fault else ok(EXCHANGE_INFO)
        if path == "/api/v3/klines":
            found = [k for k in self.klines if k[0] >= int(parameters["startTime"])][: int(parameters["limit"])]
            fault = self.faults.popleft() if self.faults else None
            return fault(found) if fault else ok(found)
        return 404, {}, b"{}"


def ok(body: object) -> Reply:
    """A good reply."""
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def status(
    code: int, headers: dict[str, str] | None = None, body: bytes = b'{"code":-1003,"msg":"slow down"}'
) -> Fault:
    """A fault: another status."""
    return lambda klines: (code, {"Content-Type": "application/json", **(headers or {})}, body)


def _symbol(base: str, quote: str) -> dict[str, Any]:
    return {
        "symbol": f"{base}{quote}",
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": ["SPOT"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
        ],
    }


EXCHANGE_INFO = {
    "timezone": "UTC",
    "serverTime": 0,
    "rateLimits": [],
    "exchangeFilters": [],
    "symbols": [_symbol("BTC", "USDT"), _symbol("ETH", "USDT")],
}


@contextmanager
def fake_binance() -> Iterator[FakeBinance]:
    """Run the server on a free port of the loopback address."""
    fake = FakeBinance()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            reply = fake.answer(parts.path, dict(parse_qsl(parts.query)))
            if reply is None:
                self.close_connection = True
                return
            code, headers, body = reply
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            else:
                self.close_connection = True
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
