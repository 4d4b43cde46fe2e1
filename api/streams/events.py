"""One event of the log: what decides who gets it, and its text, written once for all readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from api.reads.signal_rows import outcome_item, signal_item
from api.times import EARLIEST, format_instant


class EventKind(StrEnum):
    """What may happen to a signal."""

    SIGNAL = "signal"
    OUTCOME = "outcome"
    TAKEDOWN = "takedown"


class Notice(StrEnum):
    """What a stream says about itself."""

    READY = "ready"
    HEARTBEAT = "heartbeat"
    ENTITLEMENTS = "entitlements"
    RESYNC = "resync"
    LAGGED = "lagged"
    RECONNECT = "reconnect"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event as readers get it.

    Attributes
    ----------
    sequence : int
        Its number in the log, which is the cursor after it.
    kind : EventKind
    market, timeframe, strategy : str
    direction : int
    known_at, signal_known_at : datetime
        When it, and when its signal, was known.
    text : str
        The JSON of a WebSocket message.
    sse : bytes
        The same as a server-sent event.
    """

    sequence: int
    kind: EventKind
    market: str
    timeframe: str
    strategy: str
    direction: int
    known_at: datetime
    signal_known_at: datetime
    text: str
    sse: bytes

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> StreamEvent:
        """Make it from a row of the log."""
        kind, sequence = EventKind(row["kind"]), row["sequence"]
        market = f"{row['exchange']}:{row['symbol']}"
        body: dict[str, Any] = {"type": kind.value, "cursor": str(sequence)}
        if kind is EventKind.SIGNAL:
            body["signal"] = signal_item(row)
        else:
            body |= {
                "signal_id": str(row["signal_id"]),
                "market": market,
                "timeframe": row["timeframe"],
                "strategy": row["strategy"],
                "direction": row["direction"],
            }
        if kind is EventKind.OUTCOME:
            body |= {"final": row["is_final"], "outcome": outcome_item(row["outcome_row"])}
        elif kind is EventKind.TAKEDOWN:
            body |= {"reason": row["reason"], "taken_down_at": format_instant(row["recorded_at"])}
        text = orjson.dumps(body).decode()
        return cls._made(
            sequence,
            kind,
            market,
            row["timeframe"],
            row["strategy"],
            row["direction"],
            row["event_known_at"],
            row["known_at"],
            text,
        )

    @classmethod
    def _made(
        cls,
        sequence: int,
        kind: EventKind,
        market: str,
        timeframe: str,
        strategy: str,
        direction: int,
        known_at: datetime,
        signal_known_at: datetime,
        text: str,
    ) -> StreamEvent:
        sse = f"id: {sequence}\nevent: {kind.value}\ndata: {text}\n\n".encode()
        return cls(sequence, kind, market, timeframe, strategy, direction, known_at, signal_known_at, text, sse)

    def relayed(self) -> bytes:
        """Write it for the relay."""
        head = (self.kind, self.market, self.timeframe, self.strategy, self.direction)
        times = (_micro(self.known_at), _micro(self.signal_known_at))
        return orjson.dumps([*head, *times, self.text])

    @classmethod
    def from_relay(cls, sequence: int, data: bytes) -> StreamEvent:
        """Read what `relayed` wrote.

        Raises
        ------
        ValueError
            If it is something else.
        """
        kind, market, timeframe, strategy, direction, known, signal_known, text = orjson.loads(data)
        return cls._made(
            sequence,
            EventKind(kind),
            market,
            timeframe,
            strategy,
            direction,
            _instant(known),
            _instant(signal_known),
            text,
        )


def _micro(moment: datetime) -> int:
    delta = moment - EARLIEST
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _instant(micro: int) -> datetime:
    return EARLIEST + timedelta(microseconds=micro)


@dataclass(frozen=True, slots=True)
class Message:
    """Something to send, in both forms."""

    text: str
    sse: bytes


def notice(kind: Notice, cursor: int | None, **more: Any) -> Message:
    """Make a message of the stream about itself."""
    body = {"type": kind.value, **({} if cursor is None else {"cursor": str(cursor)}), **more}
    text = orjson.dumps(body).decode()
    mark = "" if cursor is None else f"id: {cursor}\n"
    return Message(text, f"{mark}event: {kind.value}\ndata: {text}\n\n".encode())
