"""What has happened since the matcher looked last: signals by their sequence, bars and events of series by their time.

A cursor moves in the transaction that fires the rules. Rows that arrive behind a cursor, or are stored anew there, are
not looked at: what was judged stays judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import text
from sqlmodel import Session

from api.alerts.events import Event
from api.alerts.rules import ConditionKind
from api.times import EARLIEST, LATEST, format_instant, to_milliseconds
from engines.timeframe import Timeframe
from stores.warehouse import Warehouse

LOOK_BACK = timedelta(hours=24)
"""Bars older than that are passed over: nobody wants to be told of them now."""
_MOST_SIGNALS = 200
_MOST_ROWS = 2_000
_SERIES_A_QUERY = 50
_SIGNALS = "signals"

Key: TypeAlias = tuple[ConditionKind, str, str]
"""Kind, market, timeframe."""


def _cursor(session: Session, name: str) -> int | None:
    found = session.connection().execute(
        text("SELECT position FROM serving.alert_cursors WHERE name = :name FOR UPDATE"), {"name": name}
    )
    return found.scalar_one_or_none()


def move(session: Session, name: str, position: int, close: float | None = None) -> None:
    """Move a cursor."""
    session.connection().execute(
        text(
            "INSERT INTO serving.alert_cursors (name, position, close) VALUES (:name, :position, :close) "
            "ON CONFLICT (name) DO UPDATE SET position = excluded.position, close = excluded.close"
        ),
        {"name": name, "position": position, "close": close},
    )


@dataclass(frozen=True)
class Batch:
    """Events in the order in which they were known, and whether there are more to read."""

    events: list[Event]
    more: bool


_NEW_SIGNALS = text(
    """
    SELECT e.sequence, e.kind, e.outcome, e.known_at, s.signal_id::text AS signal_id, s.exchange, s.symbol, s.timeframe,
        s.strategy, s.direction, s.ts, s.entry, s.stop, s.target_1, s.target_2, s.risk_reward, s.score, s.reasons,
        o.price, o.r_multiple, o.bars_held
    FROM serving.signal_events AS e
    JOIN serving.published_signals AS s ON s.signal_id = e.signal_id
    LEFT JOIN serving.signal_outcomes AS o ON o.signal_id = e.signal_id AND o.outcome = e.outcome
    WHERE e.sequence > :position ORDER BY e.sequence LIMIT :most
    """
)
_BEFORE_RECENT = text(
    "SELECT coalesce((SELECT min(sequence) - 1 FROM serving.signal_events WHERE known_at > :since), "
    "(SELECT max(sequence) FROM serving.signal_events), 0)"
)


def new_signals(session: Session, now: datetime) -> Batch:
    """Read signals and outcomes told since the last time, and move the cursor past them.

    The first time it begins with those of the last day.
    """
    position = _cursor(session, _SIGNALS)
    connection = session.connection()
    if position is None:
        position = int(connection.execute(_BEFORE_RECENT, {"since": now - LOOK_BACK}).scalar_one())
        move(session, _SIGNALS, position)
    rows = connection.execute(_NEW_SIGNALS, {"position": position, "most": _MOST_SIGNALS}).mappings().all()
    if rows:
        move(session, _SIGNALS, rows[-1]["sequence"])
    events = [_signal(row) for row in rows if row["kind"] in _SIGNAL_KINDS]
    return Batch(events, more=len(rows) == _MOST_SIGNALS)


_SIGNAL_KINDS = {"signal": ConditionKind.SIGNAL, "outcome": ConditionKind.OUTCOME}
_OF_SIGNALS = (
    "signal_id",
    "strategy",
    "direction",
    "entry",
    "stop",
    "target_1",
    "target_2",
    "risk_reward",
    "score",
    "reasons",
)
_OF_OUTCOMES = ("outcome", "price", "r_multiple", "bars_held")


def _signal(row: Mapping[Any, Any]) -> Event:
    kind = _SIGNAL_KINDS[row["kind"]]
    ended = kind is ConditionKind.OUTCOME
    names = (*_OF_SIGNALS, *_OF_OUTCOMES) if ended else _OF_SIGNALS
    facts = {**{name: row[name] for name in names}, "ts": format_instant(row["ts"])}
    key = f"outcome:{row['signal_id']}:{row['outcome']}" if ended else f"signal:{row['signal_id']}"
    return Event(kind, key, f"{row['exchange']}:{row['symbol']}", row["timeframe"], row["known_at"], facts)


@dataclass
class SeriesCursor:
    """How far one kind of event of one series has been read."""

    key: Key
    position: int
    close: float | None

    @property
    def name(self) -> str:
        """Its name in the database."""
        kind, market, timeframe = self.key
        return f"{kind.value} {market} {timeframe}"


_WATCHED = text(
    "SELECT DISTINCT kind, market, timeframe FROM serving.alert_subjects WHERE kind IN ('price', 'zone', 'structure') "
    "ORDER BY kind, market, timeframe"
)


def series_cursors(session: Session, now: datetime) -> list[SeriesCursor]:
    """Cursors of every series that a rule looks at; a new one stands where its oldest rule began."""
    watched: list[Key] = [
        (ConditionKind(row.kind), row.market, row.timeframe) for row in session.connection().execute(_WATCHED)
    ]
    stored = {
        row.name: row
        for row in session.connection().execute(
            text("SELECT name, position, close FROM serving.alert_cursors ORDER BY name FOR UPDATE")
        )
    }
    found: list[SeriesCursor] = []
    for key in watched:
        cursor = SeriesCursor(key, _last_closed(key[2], now - LOOK_BACK), None)
        known = stored.get(cursor.name)
        if known is None:
            cursor.position = max(cursor.position, _last_closed(key[2], _began(session, key)))
            move(session, cursor.name, cursor.position)
        elif known.position >= cursor.position:
            cursor.position, cursor.close = known.position, known.close
        found.append(cursor)
    return found


def _began(session: Session, key: Key) -> datetime:
    kind, market, timeframe = key
    began = session.connection().execute(
        text(
            "SELECT min(r.active_since) FROM serving.alert_subjects AS s JOIN serving.alert_rules AS r USING (alert_id) "
            "WHERE s.kind = :kind AND s.market = :market AND s.timeframe = :timeframe"
        ),
        {"kind": kind.value, "market": market, "timeframe": timeframe},
    )
    return began.scalar_one() or LATEST


def _last_closed(timeframe: str, now: datetime) -> int:
    """Open time (ms) of the last bar that has closed."""
    length = Timeframe(timeframe)
    return length.open_time(to_milliseconds(now + timedelta(microseconds=1)) - 1) - length.milliseconds


_CANDLES = "SELECT exchange, symbol, timeframe, toUnixTimestamp64Milli(ts) AS opened, close FROM market.candles FINAL WHERE {where} ORDER BY ts"
_TOUCHES = (
    "SELECT exchange, symbol, timeframe, toUnixTimestamp64Milli(ts) AS opened, zone_id, kind, side, scale, top, bottom FROM market.zone_events FINAL "
    "WHERE event = 'touched' AND ({where}) ORDER BY ts, sequence"
)
_BREAKS = (
    "SELECT exchange, symbol, timeframe, toUnixTimestamp64Milli(ts) AS opened, scale, kind, direction, level FROM market.structure_events FINAL "
    "WHERE kind IN ('bos', 'choch') AND ({where}) ORDER BY ts, scale, kind, direction"
)
_QUERIES = {
    ConditionKind.PRICE: _CANDLES,
    ConditionKind.ZONE: _TOUCHES,
    ConditionKind.STRUCTURE: _BREAKS,
}


def new_market_events(warehouse: Warehouse, cursors: Sequence[SeriesCursor], now: datetime) -> Batch:
    """Read what has happened in series since their cursors, and move those on; the caller stores them.

    Parameters
    ----------
    warehouse : Warehouse
    cursors : sequence of SeriesCursor
        Changed.
    now : datetime
        Bars that close later are not looked at, even if they are stored already.
    """
    events: list[Event] = []
    more = False
    for kind in _QUERIES:
        chosen = [cursor for cursor in cursors if cursor.key[0] is kind]
        for first in range(0, len(chosen), _SERIES_A_QUERY):
            part = chosen[first : first + _SERIES_A_QUERY]
            if kind is ConditionKind.PRICE:
                _read_closes_before(warehouse, part)
            rows, cut = _rows(warehouse, kind, part, now)
            more = more or cut
            events += _events(kind, part, rows)
    return Batch(sorted(events, key=lambda event: (event.known_at, event.key)), more)


def _rows(
    warehouse: Warehouse, kind: ConditionKind, cursors: Sequence[SeriesCursor], now: datetime
) -> tuple[list[dict[str, Any]], bool]:
    """Rows behind the cursors in order of time, and whether there are more."""
    clauses: list[str] = []
    parameters: dict[str, Any] = {}
    for number, cursor in enumerate(cursors):
        exchange, _, symbol = cursor.key[1].partition(":")
        last = _last_closed(cursor.key[2], now)
        if last <= cursor.position:
            continue
        clauses.append(
            f"(exchange = {{e{number}:String}} AND symbol = {{s{number}:String}} AND timeframe = {{t{number}:String}} "
            f"AND ts > fromUnixTimestamp64Milli({{p{number}:Int64}}) AND ts <= fromUnixTimestamp64Milli({{l{number}:Int64}}))"
        )
        parameters |= {
            f"e{number}": exchange,
            f"s{number}": symbol,
            f"t{number}": cursor.key[2],
            f"p{number}": cursor.position,
            f"l{number}": last,
        }
    if not clauses:
        return [], False
    query = _QUERIES[kind].format(where=" OR ".join(clauses))
    rows = warehouse.query_rows(f"{query} LIMIT {_MOST_ROWS}", parameters)
    full = len(rows) == _MOST_ROWS
    if full and rows[0]["opened"] != rows[-1]["opened"]:
        # The events of the last instant may be cut in two; they are left for the next time.
        cut = rows[-1]["opened"]
        while rows[-1]["opened"] == cut:
            rows.pop()
    return rows, full


def _read_closes_before(warehouse: Warehouse, cursors: Sequence[SeriesCursor]) -> None:
    for cursor in cursors:
        if cursor.close is not None:
            continue
        exchange, _, symbol = cursor.key[1].partition(":")
        rows = warehouse.query_rows(
            "SELECT close FROM market.candles FINAL WHERE exchange = {exchange:String} AND symbol = {symbol:String} "
            "AND timeframe = {timeframe:String} AND ts <= fromUnixTimestamp64Milli({position:Int64}) "
            "ORDER BY ts DESC LIMIT 1",
            {"exchange": exchange, "symbol": symbol, "timeframe": cursor.key[2], "position": cursor.position},
        )
        if rows:
            cursor.close = float(rows[0]["close"])


def _events(kind: ConditionKind, cursors: Sequence[SeriesCursor], rows: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
    by_series = {(cursor.key[1], cursor.key[2]): cursor for cursor in cursors}
    for row in rows:
        market, timeframe = f"{row['exchange']}:{row['symbol']}", str(row["timeframe"])
        cursor = by_series[(market, timeframe)]
        opened = int(row["opened"])
        cursor.position = max(cursor.position, opened)
        ts = EARLIEST + timedelta(milliseconds=opened)
        known_at = ts + timedelta(milliseconds=Timeframe(timeframe).milliseconds)
        if kind is ConditionKind.PRICE:
            before, cursor.close = cursor.close, float(row["close"])
            if before is None or before == cursor.close:
                continue
            key = f"price:{market}:{timeframe}:{opened}"
            facts = {"previous_close": before, "close": cursor.close}
        elif kind is ConditionKind.ZONE:
            key = f"zone:{row['zone_id']}:touched"
            facts = {
                "zone_id": row["zone_id"],
                "zone": str(row["kind"]),
                "side": int(row["side"]),
                "scale": None if row["scale"] is None else str(row["scale"]),
                "top": row["top"],
                "bottom": row["bottom"],
            }
        else:
            key = f"structure:{market}:{timeframe}:{opened}:{row['scale']}:{row['kind']}:{row['direction']}"
            facts = {
                "event": str(row["kind"]),
                "direction": int(row["direction"]),
                "scale": str(row["scale"]),
                "level": row["level"],
            }
        yield Event(kind, key, market, timeframe, known_at, {**facts, "ts": format_instant(ts)})
