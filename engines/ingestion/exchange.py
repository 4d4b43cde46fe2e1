"""Candles from an exchange's public REST endpoints, through ccxt.

History is read page by page, oldest first, so that whoever stops can go on from the last bar he has. A bar that is still
open is never handed over, by the exchange's clock and by ours. What a page leaves out is believed only when the exchange
leaves it out twice: a page that begins late, or is empty, is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, cast

import polars as pl

from engines.bars import BAR_SCHEMA
from engines.errors import BadBars
from engines.ingestion.retry import MalformedReply, Retry
from engines.ingestion.source import RESTATEMENT_SCHEMA, Batch, Series, accept, content_hash, cut, makes_all, refuse
from engines.ingestion.vocabulary import Clock, MarketName, NoSeries, SourceError, SourceKind
from engines.timeframe import Timeframe

EARLIEST = int(datetime(2017, 1, 1, tzinfo=UTC).timestamp()) * 1_000
"""Where history is looked for from if nobody says, ms UTC."""

_PAGE = 1_000
_TIMEOUT_MS = 15_000
# These answer with the next bars there are, however far ahead, so an empty page of theirs is the end.
_ANSWERS_WITH_NEXT = frozenset({"binance", "binanceus", "binanceusdm", "binancecoinm"})
_SPOT_ONLY = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}}
# ccxt parses without checking: a reply of another shape comes out as any of these.
_MISREAD = (TypeError, KeyError, IndexError, AttributeError, ValueError)


class ExchangeCandles:
    """Candles from exchanges, by ccxt's name of each.

    Parameters
    ----------
    clock : callable
        Returns the present instant, ms UTC.
    retry : Retry, optional
        How calls are repeated.
    configuration : mapping, optional
        Further configuration of the ccxt client: ``urls``, ``timeout``, ``httpsProxy``.
    page : int
        Bars asked for at a time; an exchange may give fewer.
    """

    kind = SourceKind.EXCHANGE

    def __init__(
        self,
        clock: Clock,
        retry: Retry | None = None,
        configuration: Mapping[str, Any] | None = None,
        page: int = _PAGE,
    ) -> None:
        self._clock = clock
        self._retry = retry or Retry()
        self._configuration = dict(configuration or {})
        self._page = page
        self._clients: dict[str, Any] = {}

    def stored_exchange(self, market: MarketName) -> str:
        """Exchange under which the bars are stored: the market's own."""
        return market.exchange

    def choose_base(
        self,
        market: MarketName,
        timeframes: Sequence[Timeframe],
        since: int | None = None,
        until: int | None = None,
    ) -> Timeframe:
        """Finest timeframe the exchange offers from which all ``timeframes`` can be made.

        The exchange is asked for the market first, so that one that is out of reach is known before anything is begun.

        Raises
        ------
        SourceUnavailable, NoSeries
            As `probe`; and `NoSeries` if the timeframes cannot be made.
        """
        self.probe(market)
        offered: dict[str, Any] = self._client(market.exchange).timeframes or {}
        for base in sorted(Timeframe, key=lambda timeframe: timeframe.milliseconds):
            if base.value in offered and makes_all(base, timeframes):
                return base
        wanted = ", ".join(timeframe.value for timeframe in timeframes)
        raise NoSeries(f"{market.exchange} offers no candles from which {wanted} can be made")

    def read(
        self, market: MarketName, base: Timeframe, since: int | None = None, until: int | None = None
    ) -> Iterator[Batch]:
        """Closed bars of ``[since, until)`` (open times, ms UTC), one batch a page, oldest first.

        To go on after an interruption, ask again with ``since`` after the last bar stored.

        Raises
        ------
        SourceUnavailable
            If the exchange cannot be reached, or kept failing. Pages handed over before stand.
        NoSeries
            If it has no such market.
        SourceError
            If a page breaks a rule of the normal form, after it was handed over as refused: going on would leave a hole.
        """
        client = self._client(market.exchange)
        symbol = self._unified_symbol(client, market)
        series = Series(market.exchange, market.symbol, base)
        origin = f"{client.id} {symbol} {base.value}, REST"
        step = base.milliseconds
        page = min(self._page, int(client.feature_value(symbol, "fetchOHLCV", "limit") or self._page))
        cursor = base.open_time(max(since if since is not None else EARLIEST, 0) + step - 1)
        end = self._closed_until(client, base)
        end = end if until is None else min(end, until)
        while cursor < end:
            raw = self._page_from(client, symbol, base, cursor, page)
            if raw.is_empty() and client.id in _ANSWERS_WITH_NEXT:
                return
            rows = cut(raw, cursor, end)
            # Past the last bar of the page; past the whole page where the exchange answers by windows and had none in it.
            cursor = base.open_time(int(raw["ts"].to_physical()[-1])) + step if raw.height else cursor + page * step
            if rows.is_empty():
                continue
            try:
                form, report = accept(rows, series, self.kind, origin)
            except BadBars as fault:
                where = f"row {fault.row}: " if fault.row >= 0 else ""
                batch = refuse(series, self.kind, origin, content_hash(rows), where + fault.rule)
                yield batch
                raise SourceError(
                    f"{client.id} gave candles of {symbol} {base.value} that break a rule ({batch.report.reason}); "
                    "nothing of that page was used; try again later, or take the time from files"
                ) from fault
            yield Batch(form.bars, report, RESTATEMENT_SCHEMA.to_frame())

    def fingerprint(self, market: MarketName, base: Timeframe) -> str:
        """End of the last bar that is closed by our clock; the exchange is not asked."""
        return str(base.open_time(self._clock()))

    def probe(self, market: MarketName, timeout: float = 4.0) -> None:
        """Find out quickly whether the exchange can be reached and has the market; asked once of each exchange.

        Parameters
        ----------
        market : MarketName
            Market that is wanted.
        timeout : float
            Seconds to wait for an answer; it is asked for twice at most.

        Raises
        ------
        SourceUnavailable
            If it cannot be reached.
        NoSeries
            If it has no such market.
        """
        client = self._client(market.exchange)
        usual, client.timeout = client.timeout, int(timeout * 1_000)
        patient = self._retry
        self._retry = replace(patient, attempts=2, longest_wait=0.5, first_wait=0.5, longest_asked=timeout)
        try:
            self._unified_symbol(client, market)
        finally:
            client.timeout, self._retry = usual, patient

    def _client(self, exchange: str) -> Any:
        """Return the ccxt client of an exchange, made once."""
        if exchange not in self._clients:
            # Importing ccxt takes more than a second, and only this source needs it.
            ccxt: Any = import_module("ccxt")

            if exchange not in ccxt.exchanges:
                raise NoSeries(f"{exchange!r} is not an exchange that ccxt knows; write its name as in binance:BTCUSDT")
            client = getattr(ccxt, exchange)(
                {
                    "enableRateLimit": True,
                    "timeout": _TIMEOUT_MS,
                    "requests_trust_env": True,
                    "options": _SPOT_ONLY,
                    **self._configuration,
                }
            )
            client.parse_ohlcvs = _checking(client.parse_ohlcvs)
            self._clients[exchange] = client
        return self._clients[exchange]

    def _unified_symbol(self, client: Any, market: MarketName) -> str:
        """Name in ccxt of a symbol that is written as the exchange does, or without separator."""
        self._retry.call(client, "its list of markets", lambda: _loaded(client))
        known: dict[str, Any] = client.markets
        wanted = _bare(market.symbol)
        found = [m for m in known.values() if market.symbol in (m["id"], m["symbol"]) or _bare(str(m["id"])) == wanted]
        found = found or [m for m in known.values() if _bare(f"{m['base']}{m['quote']}") == wanted]
        found.sort(key=lambda m: (not m.get("spot"), m.get("active") is False, m["symbol"]))
        if found:
            return str(found[0]["symbol"])
        near = sorted({str(m["id"]) for m in known.values() if str(m["id"])[:3].upper() == market.symbol[:3]})[:5]
        hint = f"; it has {', '.join(near)}" if near else ""
        raise NoSeries(f"{client.id} has no market {market.symbol}{hint}")

    def _closed_until(self, client: Any, base: Timeframe) -> int:
        """Open time of the bar that is open now, by whichever clock is behind, the exchange's or ours."""
        now = self._clock()
        if client.has.get("fetchTime"):
            theirs = self._retry.call(client, "its time", client.fetch_time)
            now = min(now, int(theirs)) if theirs else now
        return base.open_time(now)

    def _page_from(self, client: Any, symbol: str, base: Timeframe, cursor: int, page: int) -> pl.DataFrame:
        """Bars from ``cursor`` on; asked for twice where the first of them is missing."""
        what = f"candles of {symbol} {base.value}"
        first = self._retry.call(client, what, lambda: _fetch(client, symbol, base, cursor, page))
        if not first.is_empty() and int(first["ts"].to_physical()[0]) < cursor + base.milliseconds:
            return first
        second = self._retry.call(client, what, lambda: _fetch(client, symbol, base, cursor, page))
        if first.is_empty() or second.is_empty():
            return first if second.is_empty() else second
        return min(first, second, key=lambda found: int(found["ts"].to_physical()[0]))


def _checking(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ccxt's parser of a page, which makes an empty page of a reply it cannot read, so that it raises instead."""

    def parse_checked(reply: Any, *arguments: Any, **named: Any) -> Any:
        if not isinstance(reply, list):
            raise MalformedReply("the reply is not a list of candles")
        if not all(isinstance(row, (list, dict)) for row in cast("list[Any]", reply)):
            raise MalformedReply("a row of the reply is not a candle")
        return parse(reply, *arguments, **named)

    return parse_checked


def _fetch(client: Any, symbol: str, base: Timeframe, since: int, page: int) -> pl.DataFrame:
    try:
        rows: Any = client.fetch_ohlcv(symbol, base.value, since, page)
    except _MISREAD as error:
        raise MalformedReply(f"the reply is not a list of candles ({error})") from error
    frame = _frame(rows)
    # An exchange that repeats an older page must not send the reader back.
    return frame.filter(frame["ts"].to_physical() >= since)


def _loaded(client: Any) -> None:
    try:
        client.load_markets()
    except _MISREAD as error:
        raise MalformedReply(f"the reply is not a list of markets ({error})") from error
    if not client.markets:
        client.markets = None
        raise MalformedReply("the list of markets is empty")


def _frame(rows: Any) -> pl.DataFrame:
    """Raw rows of a page; raises `MalformedReply` if they are no candles."""
    if not isinstance(rows, list):
        raise MalformedReply("the reply is not a list of candles")
    columns: list[list[float]] = [[] for _ in range(6)]
    for row in cast("list[Any]", rows):
        cells = cast("list[Any]", row)[:6] if isinstance(row, list) else []
        if len(cells) < 6 or not all(isinstance(cell, (int, float)) for cell in cells):
            raise MalformedReply("a row of the reply is not a candle")
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    times = pl.Series("ts", [int(ts) for ts in columns[0]], dtype=pl.Int64).cast(BAR_SCHEMA["ts"])
    names = BAR_SCHEMA.names()[1:]
    return pl.DataFrame([times, *(pl.Series(n, c, dtype=pl.Float64) for n, c in zip(names, columns[1:], strict=True))])


def _bare(symbol: str) -> str:
    return "".join(letter for letter in symbol.upper() if letter.isalnum())
