"""Pages of signals that are kept: never one that is out of date, never one that is ahead of its reader."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from api.reads import signal_pages
from api.reads.signals import Sight, SignalFilter, read_signals
from api.security.principal import Scope
from deploy.local.stack import LocalStack
from stores import database
from tests.api.conftest import Served, serve
from tests.api.people import give_plan, make_key, make_user
from tests.api.streaming import Hands, fresh, publish
from tests.stores.signal_rows import outcome_row

DELAY = timedelta(minutes=15)


@pytest.fixture(scope="module")
def clock() -> Hands:
    return Hands()


@pytest.fixture(scope="module")
def paged(world: LocalStack, clock: Hands) -> Iterator[Served]:
    with serve(world.settings, clock=clock) as running:
        yield running


@pytest.fixture(scope="module")
def pro(paged: Served, clock: Hands) -> dict[str, str]:
    """Headers of somebody who sees everything at once."""
    person = make_user(paged.settings, now=clock.now)
    give_plan(paged.settings, person.user_id, "pro", until=clock.now + timedelta(days=30))
    return make_key(paged.settings, person, [Scope.SIGNALS_READ], clock.now)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[SignalFilter]:
    """What was read from the table of signals, rather than taken from the pages that are kept."""
    seen: list[SignalFilter] = []

    def noting(session: Any, wanted: SignalFilter, *rest: Any) -> Any:
        seen.append(wanted)
        return read_signals(session, wanted, *rest)

    monkeypatch.setattr(signal_pages, "read_signals", noting)
    return seen


def page(served: Served, name: str, headers: dict[str, str] | None = None, **parameters: Any) -> list[dict[str, Any]]:
    reply = served.client.get("/v1/signals", params={"strategy": name, **parameters}, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def test_a_page_is_read_once_while_nothing_happens(
    paged: Served, clock: Hands, pro: dict[str, str], reads: list[SignalFilter]
) -> None:
    publish(paged.settings, fresh(2, "quiet", clock.now))
    first = page(paged, "quiet", pro)
    assert len(first) == 2
    assert page(paged, "quiet", pro) == first
    assert len(reads) == 1
    assert len(page(paged, "quiet", pro, limit=1)) == 1
    assert len(reads) == 2, "another page is another page"


def test_whatever_happens_is_in_the_next_answer(paged: Served, clock: Hands, pro: dict[str, str]) -> None:
    signals = fresh(2, "busy", clock.now - timedelta(hours=2))
    publish(paged.settings, signals[:1])
    assert len(page(paged, "busy", pro)) == 1
    publish(paged.settings, signals[1:])
    assert [item["status"] for item in page(paged, "busy", pro)] == ["open", "open"]
    publish(paged.settings, [], [outcome_row(signals[0], "stopped", -1.0, 1)])
    assert {item["outcome"] for item in page(paged, "busy", pro)} == {None, "stopped"}
    with psycopg.connect(paged.settings.require("postgres_url"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO serving.signal_takedowns (signal_id, reason, taken_by, at) VALUES (%s, 'a wrong bar', %s, now())",
            (signals[1]["signal_id"], str(uuid.uuid4())),
        )
    shown = {item["signal_id"]: item["takedown"] for item in page(paged, "busy", pro)}
    assert shown[signals[1]["signal_id"]]["reason"] == "a wrong bar"
    assert shown[signals[0]["signal_id"]] is None


def test_a_delayed_reader_never_gets_the_page_of_one_who_is_not(
    paged: Served, clock: Hands, pro: dict[str, str]
) -> None:
    signals = fresh(1, "early", clock.now)
    publish(paged.settings, signals)
    assert len(page(paged, "early", pro)) == 1
    assert page(paged, "early") == []
    clock.forward(DELAY - timedelta(milliseconds=1))
    assert page(paged, "early") == []
    clock.forward(timedelta(milliseconds=1))
    assert [item["signal_id"] for item in page(paged, "early")] == [signals[0]["signal_id"]]


def test_time_alone_brings_what_was_published_out_of_turn(paged: Served, clock: Hands) -> None:
    # The later one is published first, so that its number is the smaller.
    sooner, later = fresh(2, "turn", clock.now)
    for minutes, row in enumerate((sooner, later), 1):
        row["known_at"] = clock.now + timedelta(minutes=minutes)
    publish(paged.settings, [later])
    publish(paged.settings, [sooner])
    seen: list[int] = []
    clock.forward(DELAY)
    for _ in range(3):
        seen.append(len(page(paged, "turn")))
        clock.forward(timedelta(minutes=1))
    assert seen == [0, 1, 2]


def test_what_happens_while_a_page_is_read_is_kept_for_nobody(
    paged: Served, clock: Hands, pro: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = fresh(2, "meanwhile", clock.now)
    publish(paged.settings, [first])

    def late(session: Any, wanted: SignalFilter, sight: Sight, *rest: Any) -> Any:
        publish(paged.settings, [second])
        return read_signals(session, wanted, sight, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(signal_pages, "read_signals", late)
        assert len(page(paged, "meanwhile", pro)) == 2
    kept = paged.app.state.context.signal_pages._kept
    assert not [key for key, _ in kept if key.wanted.strategy == "meanwhile"]


def test_what_is_kept_has_a_bound(
    paged: Served, clock: Hands, pro: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(paged.settings, fresh(4, "many", clock.now))
    pages = signal_pages.SignalPages(paged.app.state.context.stores, most_bytes=3_000)
    monkeypatch.setitem(paged.app.state.context.__dict__, "signal_pages", pages)
    for limit in (1, 2, 3, 4):
        assert len(page(paged, "many", pro, limit=limit)) == limit
    kept = sum(len(body) for body in pages._kept.values())
    assert 0 < kept == pages._bytes <= 3_000


def test_a_restarted_database_is_asked_again_at_once(paged: Served, pro: dict[str, str]) -> None:
    """Connections that lie idle die with it, all of them; the next request finds that out and still gets its answer."""
    for _ in range(2):
        page(paged, "quiet", pro)
    engine = database.engine(paged.settings, pool_size=1)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'crypto-analytics-platform' AND pid <> pg_backend_pid()"
        )
    engine.dispose()
    assert len(page(paged, "quiet", pro)) == 2
