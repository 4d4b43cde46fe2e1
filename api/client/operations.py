"""The operations of the API, one method each. Made from the OpenAPI description by ``make client``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from api.client import models
from api.client.transport import Transport, part


class Operations:
    """Every operation by its id, in snake case.

    Parameters
    ----------
    transport : Transport
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get_health(self) -> models.Alive:
        """Liveness.

        Answer as long as the process can; asks no store.

        Access: unchecked.
        """
        return self._transport.call("GET", "/healthz", models.Alive)

    def get_metrics(self) -> bytes:
        """Metrics.

        Write rate, errors and duration by route, and of reads from each store, for Prometheus.

        Access: unchecked.
        """
        return self._transport.call("GET", "/metrics", bytes)

    def get_problem_type(self, name: str) -> models.ProblemKind:
        """What a problem means.

        Describe the kind of problem that a reply's `type` points at.

        Access: unchecked.
        """
        return self._transport.call("GET", f"/problems/{part(name)}", models.ProblemKind)

    def get_readiness(
        self, *, require: Sequence[Literal["clickhouse", "postgres", "redis"]] | None = None
    ) -> models.Readiness:
        """Readiness.

        Ask every store, all at once, and say which answer.

        Access: unchecked.
        """
        return self._transport.call("GET", "/readyz", models.Readiness, query={"require": require})

    def get_signal(self, signal_id: str) -> models.SignalDetail:
        """One signal.

        Show one signal with its outcomes, the risk decision, and the zone behind it.

        The decision's reasons and the zone come from the warehouse; while that is down the signal is shown without them.

        Access: public signals:read.
        """
        return self._transport.call("GET", f"/v1/signals/{part(signal_id)}", models.SignalDetail)

    def list_candles(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.SeriesReplyCandle:
        """Candles.

        List closed bars. Missing bars are missing: a gap is never filled.

        Access: public market:read.
        """
        return self._transport.call(
            "GET",
            "/v1/candles",
            models.SeriesReplyCandle,
            query={
                "market": market,
                "timeframe": timeframe,
                "start": start,
                "end": end,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def list_indicators(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.SeriesReplyIndicatorRow:
        """Indicators.

        List indicator values, one row a bar, each from that bar and earlier ones only.

        Access: public market:read.
        """
        return self._transport.call(
            "GET",
            "/v1/indicators",
            models.SeriesReplyIndicatorRow,
            query={
                "market": market,
                "timeframe": timeframe,
                "start": start,
                "end": end,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def list_latest(
        self,
        *,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        market: Sequence[str] | None = None,
    ) -> models.PageLatestBar:
        """Newest bars.

        List the newest closed bar of each market with the 24 hours up to it; for watchlists. A second old at most.

        Markets without bars of the timeframe, or outside the caller's plan, are left out.

        Access: public market:read.
        """
        return self._transport.call(
            "GET", "/v1/latest", models.PageLatestBar, query={"timeframe": timeframe, "market": market}
        )

    def list_markets(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageStoredMarket:
        """Markets.

        List the stored markets by name, with what is stored of each. A few seconds old at most.

        Access: public market:read.
        """
        return self._transport.call(
            "GET", "/v1/markets", models.PageStoredMarket, query={"limit": limit, "cursor": cursor}
        )

    def list_performance(
        self,
        *,
        market: str | None = None,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]
        | None = None,
        strategy: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.TrackRecords:
        """Track record.

        Show how the published signals of each strategy, market and timeframe ended.

        Every published signal counts, none is left out. The whole position is followed to its last outcome: nothing is
        closed at the first target while a second one stands. Costs are not included.

        Access: public signals:read.
        """
        return self._transport.call(
            "GET",
            "/v1/performance",
            models.TrackRecords,
            query={"market": market, "timeframe": timeframe, "strategy": strategy, "limit": limit, "cursor": cursor},
        )

    def list_signals(
        self,
        *,
        market: str | None = None,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]
        | None = None,
        strategy: str | None = None,
        direction: Literal[1, -1] | None = None,
        since: datetime | str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageSignal:
        """Signals.

        List published signals, newest first. A signal never changes; what becomes of it is in its last fields.

        Access: public signals:read.
        """
        return self._transport.call(
            "GET",
            "/v1/signals",
            models.PageSignal,
            query={
                "market": market,
                "timeframe": timeframe,
                "strategy": strategy,
                "direction": direction,
                "since": since,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def list_structure(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        kind: Literal["swing_high", "swing_low", "bos", "choch", "eqh", "eql"] | None = None,
        scale: Literal["micro", "internal", "swing"] | None = None,
        direction: Literal[1, -1] | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.SeriesReplyStructureEvent:
        """Market structure.

        List pivots, equal levels and breaks under the bar at whose close each became known. None is ever taken back.

        Access: public market:read.
        """
        return self._transport.call(
            "GET",
            "/v1/structure",
            models.SeriesReplyStructureEvent,
            query={
                "market": market,
                "timeframe": timeframe,
                "kind": kind,
                "scale": scale,
                "direction": direction,
                "start": start,
                "end": end,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def list_zones(
        self,
        *,
        market: str,
        timeframe: Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        kind: Literal["order_block", "breaker", "fvg", "liquidity"] | None = None,
        scale: Literal["micro", "internal", "swing"] | None = None,
        side: Literal[1, -1] | None = None,
        active: bool | None = None,
        as_of: datetime | str | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        order: Literal["asc", "desc"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.SeriesReplyZone:
        """Zones.

        List zones with their lives so far, by the bar that created them; `start` and `end` bound that bar.

        Access: public market:read.
        """
        return self._transport.call(
            "GET",
            "/v1/zones",
            models.SeriesReplyZone,
            query={
                "market": market,
                "timeframe": timeframe,
                "kind": kind,
                "scale": scale,
                "side": side,
                "active": active,
                "as_of": as_of,
                "start": start,
                "end": end,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )
