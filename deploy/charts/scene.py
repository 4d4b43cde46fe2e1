"""What a chart shows: the stored rows of one series in a span of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from stores.markets import Market
from stores.warehouse import IN_SERIES, Series, Warehouse

_TS = "{start:DateTime64(3, 'UTC')}"
_END = "{end:DateTime64(3, 'UTC')}"


class NothingToDraw(RuntimeError):
    """The warehouse has no candles for the chart asked for."""


@dataclass(frozen=True)
class Candle:
    """One bar; ``ts`` is its open time."""

    ts: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Zone:
    """A zone from the bar it became known on to the bar it ended on (None while it lives)."""

    kind: str
    side: int
    scale: str | None
    top: float
    bottom: float
    created: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Break:
    """A break of structure: from the pivot it broke to the bar that broke it."""

    kind: str
    scale: str
    direction: int
    level: float
    origin: datetime
    ts: datetime


@dataclass(frozen=True)
class Signal:
    """A signal with what risk decided and how it ended."""

    ts: datetime
    strategy: str
    direction: int
    entry: float
    stop: float
    target_1: float
    target_2: float | None
    decision: str | None
    outcome: str | None
    ended: datetime | None


@dataclass(frozen=True)
class Scene:
    """Everything on a chart."""

    market: Market
    timeframe: str
    candles: tuple[Candle, ...]
    zones: tuple[Zone, ...]
    breaks: tuple[Break, ...]
    signals: tuple[Signal, ...]


def read_scene(warehouse: Warehouse, series: Series, bars: int, end: datetime | None = None) -> Scene:
    """Read the last ``bars`` bars that open before ``end`` and all that is drawn on them.

    Parameters
    ----------
    warehouse : Warehouse
    series : Series
    bars : int
    end : datetime, optional
        UTC; the newest bar if not given.

    Raises
    ------
    NothingToDraw
        If no bar of the series is stored there.
    """
    limit = end or datetime.fromisoformat("2100-01-01T00:00:00+00:00")
    candles = tuple(
        Candle(**row)
        for row in warehouse.query_rows(
            "SELECT ts, open, high, low, close, volume FROM (SELECT * FROM market.candles FINAL "
            f"WHERE {IN_SERIES} AND ts < {_END} ORDER BY ts DESC LIMIT {{bars:UInt32}}) ORDER BY ts",
            {**series.parameters, "end": limit, "bars": bars},
        )
    )
    if not candles:
        raise NothingToDraw(f"no candles of {series} are stored; bring them in with 'cap run --market {series.market}'")
    window = {
        **series.parameters,
        "start": candles[0].ts,
        "end": candles[-1].ts + timedelta(milliseconds=1),
    }
    return Scene(
        series.market,
        series.timeframe,
        candles,
        _zones(warehouse, window),
        _breaks(warehouse, window),
        _signals(warehouse, window),
    )


def _zones(warehouse: Warehouse, window: dict[str, object]) -> tuple[Zone, ...]:
    rows = warehouse.query_rows(
        "SELECT any(kind) AS kind, any(side) AS side, any(scale) AS scale, any(top) AS top, any(bottom) AS bottom, "
        "minIf(ts, event = 'created') AS created, "
        "nullIf(maxIf(ts, event IN ('invalidated', 'filled', 'swept', 'broken', 'expired')), toDateTime64(0, 3, 'UTC')) "
        "AS ended "
        f"FROM market.zone_events FINAL WHERE {IN_SERIES} AND ts < {_END} GROUP BY zone_id "
        f"HAVING created < {_END} AND (ended IS NULL OR ended >= {_TS}) ORDER BY created, kind, top",
        window,
    )
    return tuple(Zone(**row) for row in rows)


def _breaks(warehouse: Warehouse, window: dict[str, object]) -> tuple[Break, ...]:
    rows = warehouse.query_rows(
        "SELECT kind, scale, direction, level, origin_ts AS origin, ts FROM market.structure_events FINAL "
        f"WHERE {IN_SERIES} AND ts >= {_TS} AND ts < {_END} AND kind IN ('bos', 'choch') ORDER BY ts, scale",
        window,
    )
    return tuple(Break(**row) for row in rows)


def _signals(warehouse: Warehouse, window: dict[str, object]) -> tuple[Signal, ...]:
    rows = warehouse.query_rows(
        "SELECT s.ts AS ts, s.strategy AS strategy, s.direction AS direction, s.entry AS entry, s.stop AS stop, "
        "s.target_1 AS target_1, s.target_2 AS target_2, nullIf(d.decision, '') AS decision, "
        "nullIf(o.outcome, '') AS outcome, nullIf(o.ended, toDateTime64(0, 3, 'UTC')) AS ended "
        f"FROM (SELECT * FROM market.signals FINAL WHERE {IN_SERIES} AND ts >= {_TS} AND ts < {_END}) AS s "
        "LEFT JOIN (SELECT signal_id, toString(decision) AS decision FROM market.risk_decisions FINAL "
        f"WHERE {IN_SERIES}) AS d ON d.signal_id = s.signal_id "
        "LEFT JOIN (SELECT signal_id, argMax(toString(outcome), ts) AS outcome, max(ts) AS ended "
        f"FROM market.signal_outcomes FINAL WHERE {IN_SERIES} AND ts < {_END} GROUP BY signal_id) AS o "
        "ON o.signal_id = s.signal_id ORDER BY s.ts, s.strategy",
        window,
    )
    return tuple(Signal(**row) for row in rows)
