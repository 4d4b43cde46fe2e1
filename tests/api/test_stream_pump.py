"""What a reader is told at the end, and how far ahead a standing holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from api.entitlements import FREE, Entitlements
from api.metrics import Metrics
from api.security.principal import Means, Principal, Role
from api.streams import pump
from api.streams.endings import LAGGED, Ending
from api.streams.events import EventKind, StreamEvent
from api.streams.hub import BEHIND, Hub
from api.streams.reader import Group, Reader, Wanted
from api.streams.standing import HORIZON, Credentials, Standing, holds_until

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PRO = replace(FREE, plan="pro", signal_delay=timedelta(0))


def reader_of(rights: Entitlements = PRO) -> Reader:
    who = Principal(Means.ANONYMOUS, None, Role.USER, frozenset(), None, None, rights)
    return Reader(Standing(Credentials(who), rights, NOW + HORIZON), "somebody", Wanted())


def event(sequence: int) -> StreamEvent:
    text = f'{{"cursor":"{sequence}"}}'
    return StreamEvent(
        sequence, EventKind.SIGNAL, "binance:BTCUSDT", "15m", "s", 1, NOW, NOW, text, f"data: {text}\n\n".encode()
    )


class SlowWire:
    """Takes the first messages, and from then on nothing until the stream was ended."""

    def __init__(self, reader: Reader, takes: int) -> None:
        self.said: list[str] = []
        self.closed: Ending | None = None
        self._reader = reader
        self._takes = takes

    async def send(self, message: Any) -> None:
        if len(self.said) >= self._takes and self._reader.ending is None:
            await asyncio.sleep(3_600)
        self.said.append(message.text)

    async def until_gone(self) -> None:
        await asyncio.sleep(3_600)

    async def close(self, ending: Ending) -> None:
        self.closed = ending


class OneHub:
    """A hub with one group and all events in memory."""

    def __init__(self, events: list[StreamEvent]) -> None:
        self.group = Group(timedelta(0), len(events), ready=True)
        self.left = False
        self.feed = SimpleNamespace(read=self._read)
        self._events = events

    async def _read(self, after: int, upto: int, page: int) -> list[StreamEvent]:
        return self._events[after : min(upto, after + page)]

    async def group_of(self, _: Reader) -> Group:
        return self.group

    async def leave(self, _: Reader) -> None:
        self.left = True


@pytest.mark.anyio
async def test_a_reader_who_lags_is_told_where_to_go_on() -> None:
    reader = reader_of()
    wire, hub = SlowWire(reader, 4), OneHub([event(number) for number in range(1, 100)])
    context: Any = SimpleNamespace(clock=lambda: NOW, metrics=Metrics())
    running = asyncio.create_task(pump.run(context, hub, reader, wire))  # type: ignore[arg-type]
    while len(wire.said) < 4:
        await asyncio.sleep(0)
    reader.end(LAGGED)
    await asyncio.wait_for(running, 5)
    # Ready, three events, and the last words: the fourth event was not sent, so the cursor is the third's.
    assert [text for text in wire.said if '"ready"' in text] == wire.said[:1]
    assert '"type":"lagged","cursor":"3"' in wire.said[-1]
    assert (len(wire.said), wire.closed, hub.left) == (5, LAGGED, True)


@pytest.mark.parametrize(
    ("waits", "behind", "caught_up", "cut"),
    [
        (0.5, 10 * BEHIND, True, False),
        (1.0, BEHIND, True, False),
        (1.0, BEHIND + 1, True, True),
        (1.0, BEHIND + 1, False, False),
        (4.9, 1, True, False),
        (5.0, 1, True, True),
        (5.0, 1, False, True),
    ],
)
def test_who_is_cut(waits: float, behind: int, caught_up: bool, cut: bool) -> None:
    """Whoever takes nothing for five seconds; and who is far behind live events and takes nothing for one."""
    hub = Hub(SimpleNamespace())  # type: ignore[arg-type]
    reader = reader_of()
    reader.caught_up, reader.position = caught_up, 100
    reader.group = Group(timedelta(0), 100 + behind, ready=True)
    assert hub.lags(reader, waits) is cut


def test_whoever_falls_out_of_the_memory_is_cut() -> None:
    hub = Hub(SimpleNamespace())  # type: ignore[arg-type]
    reader = reader_of()
    reader.caught_up, reader.position, hub.feed.position = True, 100, 200
    reader.group = Group(timedelta(0), 201, ready=True)
    assert hub.feed.first == 201
    assert hub.lags(reader, 0.1) is True
    # A plan's delay may be longer than the memory; what is released to it then comes from the database.
    reader.group.released = 150
    assert hub.lags(reader, 0.1) is False


@pytest.mark.parametrize("seconds", [0.2, 1.0, 17.3, 29.9])
def test_a_standing_holds_until_just_before_a_change(seconds: float) -> None:
    ends = NOW + timedelta(seconds=seconds)
    found = holds_until(lambda moment: PRO if moment < ends else FREE, PRO, NOW)
    assert ends - timedelta(milliseconds=50) <= found <= ends


def test_a_standing_without_a_change_holds_for_the_horizon() -> None:
    assert holds_until(lambda _: PRO, PRO, NOW) == NOW + HORIZON
