"""Nothing is shown before its time: by lists, details, records and exports, and on streams that stay open."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from api.entitlements import entitlements_of, entitlements_of_many
from api.streams import hub as hubs
from deploy.local.stack import LocalStack
from stores import database
from stores.tables import Plan
from tests.api.conftest import Served, serve
from tests.api.people import Person, give_plan, make_user
from tests.api.streaming import EVENTS, EventReader, Hands, WebSocketReader, fresh, ids, publish, working
from tests.stores.signal_rows import outcome_row

DELAY = timedelta(minutes=15)
STEP = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Timed:
    """A served API whose clock is moved by hand."""

    served: Served
    clock: Hands


@pytest.fixture(scope="module")
def timed(world: LocalStack) -> Iterator[Timed]:
    clock = Hands()
    clock.now = clock.now.replace(microsecond=0)
    with pytest.MonkeyPatch.context() as patch, working(world.settings), serve(world.settings, clock=clock) as running:
        # So that a reader who gets nothing can tell that from one who has not got it yet.
        patch.setattr(hubs, "HEARTBEAT_S", 0.1)
        yield Timed(running, clock)


def nothing_comes(*readers: WebSocketReader | EventReader) -> None:
    """No event reaches these readers, though the stream is alive for half a second."""
    for reader in readers:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            message = reader.next()
            assert message is not None
            assert message["type"] not in EVENTS, message


def person(timed: Timed, plan: str | None = None, until: datetime | None = None) -> Person:
    # A day from now by the clock of the machine, so that the session lasts through all that the tests do with theirs.
    made = make_user(timed.served.settings, now=timed.clock.now)
    if plan is not None:
        give_plan(timed.served.settings, made.user_id, plan, until=until or timed.clock.now + timedelta(days=30))
    return made


def listed(timed: Timed, headers: dict[str, str], name: str) -> list[str]:
    reply = timed.served.client.get("/v1/signals", params={"strategy": name}, headers=headers)
    return [item["signal_id"] for item in reply.json()["items"]]


def exported(timed: Timed, headers: dict[str, str], name: str, form: str) -> list[str]:
    reply = timed.served.client.get("/v1/signals/export", params={"strategy": name, "format": form}, headers=headers)
    assert reply.status_code == 200, reply.text
    if form == "csv":
        return [row["signal_id"] for row in csv.DictReader(io.StringIO(reply.text))]
    return [json.loads(line)["signal_id"] for line in reply.text.splitlines()]


def test_a_signal_appears_at_its_instant_everywhere(timed: Timed) -> None:
    """To the millisecond: hidden one before, as if it did not exist, and there at the boundary, in every way."""
    clock, served = timed.clock, timed.served
    rows = fresh(2, "boundary", clock.now)
    early, late = (row["signal_id"] for row in rows)
    clock.now = rows[0]["known_at"] + DELAY - STEP
    free = person(timed).headers
    readers = (
        WebSocketReader(served.port, free, strategy="boundary"),
        EventReader(served.port, {}, strategy="boundary"),
    )
    for reader in readers:
        assert (reader.next() or {})["delay_s"] == 900.0
    publish(served.settings, rows)
    with WebSocketReader(served.port, person(timed, "pro").headers, strategy="boundary") as pro:
        publish(served.settings, fresh(1, "boundary", clock.now, symbol="ETHUSDT"))
        pro.take(1)
    # A reader without delay has what was published later; so this has reached the process too.
    nothing_comes(*readers)
    for headers in ({}, free):
        missing = served.client.get(f"/v1/signals/{early}", headers=headers)
        unknown = served.client.get(f"/v1/signals/{late[:-4]}0000", headers=headers)
        assert missing.status_code == unknown.status_code == 404
        assert missing.json()["detail"].replace(early, "") == unknown.json()["detail"].replace(f"{late[:-4]}0000", "")
        assert listed(timed, headers, "boundary") == []
    assert served.client.get("/v1/performance", params={"strategy": "boundary"}).json()["items"] == []

    clock.forward(STEP)
    assert [ids(reader.take(1)) for reader in readers] == [[early], [early]]
    nothing_comes(*readers)
    for headers in ({}, free):
        assert listed(timed, headers, "boundary") == [early]
        assert served.client.get(f"/v1/signals/{early}", headers=headers).status_code == 200
        assert served.client.get(f"/v1/signals/{late}", headers=headers).status_code == 404
    clock.forward(STEP)
    assert [ids(reader.take(1)) for reader in readers] == [[late], [late]]
    readers[0].__exit__()
    readers[1].__exit__()


def test_an_outcome_that_is_not_known_yet_leaves_the_signal_open(timed: Timed) -> None:
    clock, served = timed.clock, timed.served
    (row,) = fresh(1, "open-still", clock.now - 10 * DELAY)
    outcome = {**outcome_row(row, "stopped", -1.0, 3), "known_at": clock.now}
    publish(served.settings, [row], [outcome])
    path = f"/v1/signals/{row['signal_id']}"

    def status(headers: dict[str, str]) -> tuple[Any, ...]:
        found = served.client.get(path, headers=headers).json()
        (record,) = served.client.get("/v1/performance", params={"strategy": "open-still"}, headers=headers).json()[
            "items"
        ]
        assert found["track_record"] == record
        curve = served.client.get("/v1/performance/curve", params={"strategy": "open-still"}, headers=headers).json()
        assert (curve["sample_size"], len(curve["items"])) == (record["sample_size"],) * 2
        for asked in ("open", "closed"):
            of_it = served.client.get(
                "/v1/signals", params={"strategy": "open-still", "status": asked}, headers=headers
            )
            assert bool(of_it.json()["items"]) == (asked == found["status"])
        return found["status"], found["result_r"], len(found["outcomes"]), record["open_signals"], record["losses"]

    assert status(person(timed, "pro").headers) == ("closed", -1.0, 1, 0, 1)
    clock.forward(DELAY - STEP)
    assert status({}) == ("open", None, 0, 1, 0)
    # Nine and a bit of its bars have closed since, as far as this reader may know.
    assert served.client.get(path).json()["bars_since"] == 9
    clock.forward(STEP)
    assert status({}) == ("closed", -1.0, 1, 0, 1)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_shows_what_the_list_shows_and_only_to_plans_with_exports(timed: Timed, form: str) -> None:
    name = f"exported-{form}"
    rows = [
        *fresh(3, name, timed.clock.now, reasons=["=cmd()", "plain"]),
        *fresh(1, name, timed.clock.now + STEP, symbol="ETH"),
    ]
    publish(timed.served.settings, rows)
    pro = person(timed, "pro").headers
    assert exported(timed, pro, name, form) == [row["signal_id"] for row in rows[:3]]
    assert exported(timed, pro, name, form)[::-1] == listed(timed, pro, name)
    for headers in ({}, person(timed).headers):
        reply = timed.served.client.get("/v1/signals/export", headers=headers)
        assert (reply.status_code, reply.json()["type"]) == (403, "/problems/not-in-plan")
    if form == "csv":
        reply = timed.served.client.get("/v1/signals/export", params={"strategy": name}, headers=pro)
        assert next(csv.DictReader(io.StringIO(reply.text)))["reasons"] == "'=cmd(); plain"


def test_a_plan_that_ends_slows_an_open_stream_at_that_very_instant(timed: Timed) -> None:
    """The paid time ends between two events that are published together: the first comes at once, the second late."""
    clock, served = timed.clock, timed.served
    ends = clock.now + timedelta(seconds=10)
    headers = person(timed, "pro", until=ends).headers
    with WebSocketReader(served.port, headers, strategy="ending") as reader:
        assert reader.next()["plan"] == "pro"
        clock.now = ends - STEP
        publish(served.settings, fresh(1, "ending", clock.now))
        assert len(reader.take(1)) == 1
        clock.now = ends
        publish(served.settings, fresh(1, "ending", clock.now, symbol="ETHUSDT"))
        told = reader.until_kind("entitlements")
        assert (told["plan"], told["delay_s"]) == ("free", 900.0)
        assert listed(timed, headers, "ending") == []
        clock.now = ends + DELAY - STEP
        with WebSocketReader(served.port, person(timed, "pro").headers, strategy="ending", cursor=0) as pro:
            pro.take(2)
        publish(served.settings, fresh(1, "ending", clock.now, symbol="SOLUSDT"))
        nothing_comes(reader)
        clock.now = ends + DELAY
        (second,) = reader.take(1)
        assert second["signal"]["market"] == "binance:ETHUSDT"
        assert len(reader.events) == 2


def test_a_plan_taken_away_slows_an_open_stream_within_seconds(timed: Timed) -> None:
    clock, served = timed.clock, timed.served
    someone = person(timed, "pro")
    with (
        WebSocketReader(served.port, someone.headers, strategy="taken") as reader,
        EventReader(served.port, someone.headers, strategy="taken") as events,
    ):
        assert reader.next()["plan"] == "pro"
        assert (events.next() or {})["plan"] == "pro"
        _update(served, "UPDATE serving.grants SET revoked_at = now() WHERE user_id = :user", someone.user_id)
        assert reader.until_kind("entitlements")["delay_s"] == 900.0
        publish(served.settings, fresh(2, "taken", clock.now))
        clock.forward(DELAY - timedelta(seconds=1))
        with WebSocketReader(served.port, person(timed, "pro").headers, strategy="taken", cursor=0) as pro:
            pro.take(2)
        # The free plan has one stream: the older one stays, and what it gets comes late.
        while (message := events.next()) is not None:
            assert message["type"] not in EVENTS
        assert events.seen[-1]["type"] == "closed"
        nothing_comes(reader)
        clock.forward(timedelta(seconds=1))
        assert len(reader.take(2)) == 2


def test_what_a_plan_does_not_show_is_not_there(timed: Timed) -> None:
    """Markets, timeframes and history of a plan bind lists, details, records, exports and streams."""
    clock, served = timed.clock, timed.served
    plan = {"plan_id": "narrow", "name": "Narrow", "price_minor": 1, "currency": "EUR", "position": 5, "export": True}
    counts = dict.fromkeys(
        ("streams", "alerts", "webhooks", "api_keys", "requests_per_minute", "burst", "backtests"), 1_000
    )
    shows = {"markets": ["binance:BTCUSDT"], "timeframes": ["15m"], "signal_delay_s": 0, "history_s": 3_600}
    engine = database.engine(served.settings, pool_size=1)
    with database.session(engine) as session:
        session.add(Plan(**plan, **counts, **shows))
    engine.dispose()
    rows = [
        *fresh(1, "narrow", clock.now - timedelta(hours=1) - STEP, symbol="BTCUSDT"),
        *fresh(2, "narrow", clock.now)[1:],
        *fresh(3, "narrow", clock.now, symbol="ETHUSDT")[2:],
        *fresh(4, "narrow", clock.now, timeframe="1h")[3:],
    ]
    shown = rows[1]["signal_id"]
    publish(served.settings, rows)
    headers = person(timed, "narrow").headers
    assert listed(timed, headers, "narrow") == [shown]
    assert exported(timed, headers, "narrow", "jsonl") == [shown]
    found = [served.client.get(f"/v1/signals/{row['signal_id']}", headers=headers).status_code for row in rows]
    assert found == [404, 200, 404, 404]
    (record,) = served.client.get("/v1/performance", params={"strategy": "narrow"}, headers=headers).json()["items"]
    assert record["signals"] == 1
    for path in ("/v1/signals", "/v1/performance", "/v1/performance/curve", "/v1/signals/export", "/v1/signals/stream"):
        for wrong in ({"market": "binance:ETHUSDT"}, {"timeframe": "1h"}):
            reply = served.client.get(path, params=wrong, headers={**headers, "Accept": "text/event-stream"})
            assert (reply.status_code, reply.json()["type"]) == (403, "/problems/not-in-plan")
    with WebSocketReader(served.port, headers, strategy="narrow", cursor=0) as reader:
        assert reader.until_kind("resync")["reason"] == "history"
        assert ids(reader.take(1)) == [shown]
        nothing_comes(reader)
    publish(served.settings, [], [outcome_row(row, "stopped", -1.0, 0) for row in rows])
    curve = served.client.get("/v1/performance/curve", params={"strategy": "narrow"}, headers=headers).json()
    assert [point["signal_id"] for point in curve["items"]] == [shown]


def test_rights_of_many_are_those_of_each(timed: Timed) -> None:
    now = timed.clock.now
    moments = (now, now + timedelta(days=2), now + timedelta(days=40))
    people: list[str | None] = [None, person(timed).user_id, person(timed, "pro").user_id]
    people += [person(timed, plan, until=now + timedelta(days=1)).user_id for plan in ("pro", "team")]
    engine = database.engine(timed.served.settings, pool_size=1)
    try:
        with database.session(engine) as session:
            found = entitlements_of_many(session, people, moments)
            assert found == {(one, at): entitlements_of(session, one, at) for one in people for at in moments}
    finally:
        engine.dispose()
    assert {rights.plan for rights in found.values()} == {"free", "pro", "team"}


def _update(served: Served, statement: str, user_id: str) -> None:
    engine = database.engine(served.settings, pool_size=1)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement), {"user": user_id})
    finally:
        engine.dispose()
