"""Signal events become deliveries: once, to those who asked for them and may have them, and not before they may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from api.delivery import fan_out, webhook_channel
from api.entitlements import FREE, Entitlements
from deploy.local.stack import LocalStack
from stores import database
from stores.settings import Settings
from tests.api.delivery_fixtures import LOOPBACK, MovingClock, make_webhook, rows, until, working
from tests.api.people import make_user
from tests.api.receivers import Receiver
from tests.stack_fixtures import empty
from tests.stores.signal_rows import outcome_row, signal_row

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
BAR = timedelta(minutes=15)
PAID = replace(FREE, plan="pro", signal_delay=timedelta(0), webhooks=5)


@pytest.fixture
def settings(stack: LocalStack) -> Settings:
    empty(stack)
    database.migrate(stack.settings)
    return stack.settings.model_copy(update={"webhook_allow_private": LOOPBACK})


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    made = database.engine(settings)
    yield made
    made.dispose()


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> dict[str, Entitlements]:
    """Plan by person; PAID for anybody else."""
    known: dict[str, Entitlements] = {}

    def rights(session: object, user_id: str, now: datetime) -> Entitlements:
        del session, now
        return known.get(user_id, PAID)

    monkeypatch.setattr(fan_out, "entitlements_of", rights)
    monkeypatch.setattr(webhook_channel, "entitlements_of", rights)
    return known


def _publish(engine: Engine, *signals: dict[str, Any]) -> None:
    with database.session(engine) as session:
        database.publish(session, signals)


def _advance(engine: Engine, now: datetime = NOW, batch: int = 200) -> bool:
    with database.session(engine) as session:
        return fan_out.advance(session, now, batch)


def _known(number: int = 0, at: datetime = NOW, **changes: Any) -> dict[str, Any]:
    return signal_row(number, **{"ts": at - BAR, "known_at": at, **changes})


def _told(settings: Settings, webhook: str) -> list[Any]:
    return rows(
        settings,
        "SELECT d.event_type, d.body, o.available_at FROM serving.webhook_deliveries AS d JOIN serving.outbox AS o "
        "ON o.topic = 'webhook' AND o.key = d.delivery_id::text WHERE d.webhook_id = :id ORDER BY o.outbox_id",
        id=webhook,
    )


def test_what_is_told_is_what_was_known(settings: Settings, engine: Engine, plans: dict[str, Entitlements]) -> None:
    hook = make_webhook(
        settings,
        make_user(settings).user_id,
        "https://a.example.com/",
        NOW - BAR,
        events=["signal.published", "signal.outcome"],
    )
    signal = _known()
    _publish(engine, signal)
    with database.session(engine) as session:
        database.publish_outcomes(session, [outcome_row(signal, "stopped", -1.0, 2)])
    assert not _advance(engine, NOW + 3 * BAR)
    published, outcome = (orjson.loads(row["body"]) for row in _told(settings, hook))
    assert published["type"] == "signal.published"
    assert published["timestamp"] == "2024-03-01T12:00:00.000Z"
    assert published["data"]["signal_id"] == signal["signal_id"]
    assert published["data"]["entry"] == signal["entry"]
    # Though it was stopped by the time the event was made.
    assert "stopped" not in str(published)
    assert outcome["type"] == "signal.outcome"
    assert outcome["data"]["outcome"]["outcome"] == "stopped"
    assert outcome["data"]["signal_id"] == signal["signal_id"]


def test_filters(settings: Settings, engine: Engine, plans: dict[str, Entitlements]) -> None:
    signals = [
        _known(0),
        _known(1, symbol="ETHUSDT"),
        _known(2, timeframe="1h"),
        _known(3, strategy="my_breakout"),
        _known(4, direction=-1, stop=43_000.0, target_1=41_000.0, target_2=40_000.0),
    ]
    wanted: dict[str, tuple[dict[str, Any], set[int]]] = {
        "all": ({}, {0, 1, 2, 3, 4}),
        "market": ({"markets": ["binance:ETHUSDT"]}, {1}),
        "timeframe": ({"timeframes": ["1h", "4h"]}, {2}),
        "strategy": ({"strategies": ["my_breakout"]}, {3}),
        "direction": ({"direction": -1}, {4}),
        "both": ({"markets": ["binance:BTCUSDT"], "timeframes": ["1h"]}, {2}),
        "nothing": ({"markets": []}, set()),
        "off": ({"enabled": False}, set()),
        "other events": ({"events": ["signal.outcome"]}, set()),
    }
    hooks = {
        name: make_webhook(settings, make_user(settings).user_id, "https://a.example.com/", NOW - BAR, **given)
        for name, (given, _) in wanted.items()
    }
    _publish(engine, *signals)
    _advance(engine)
    ids = {signal["signal_id"]: number for number, signal in enumerate(signals)}
    for name, (_, expected) in wanted.items():
        found = {ids[orjson.loads(row["body"])["data"]["signal_id"]] for row in _told(settings, hooks[name])}
        assert found == expected, name


def test_rights_decide_who_is_told_and_when(settings: Settings, engine: Engine, plans: dict[str, Entitlements]) -> None:
    people = [make_user(settings).user_id for _ in range(4)]
    _, free, narrow, many = people
    plans |= {free: FREE, narrow: replace(PAID, markets=("binance:ETHUSDT",)), many: replace(PAID, webhooks=1)}
    hooks = [make_webhook(settings, one, "https://a.example.com/", NOW - BAR) for one in people]
    second = make_webhook(settings, many, "https://a.example.com/2", NOW - BAR / 2)
    _publish(engine, _known())
    _advance(engine)
    told = [_told(settings, hook) for hook in [*hooks, second]]
    assert [len(one) for one in told] == [1, 1, 0, 1, 0]
    assert told[0][0]["available_at"] == NOW
    assert told[1][0]["available_at"] == NOW + FREE.signal_delay


def test_history_is_no_news(settings: Settings, engine: Engine, plans: dict[str, Entitlements]) -> None:
    """What a first run publishes of the past, and what could be seen before the webhook was there."""
    hook = make_webhook(settings, make_user(settings).user_id, "https://a.example.com/", NOW - BAR)
    _publish(engine, _known(0, NOW - timedelta(days=30)), _known(1, NOW - 2 * BAR), _known(2, NOW))
    _advance(engine)
    assert [orjson.loads(row["body"])["data"]["entry"] for row in _told(settings, hook)] == [_known(2)["entry"]]
    # The worker was away for two days.
    _publish(engine, _known(3, NOW + BAR))
    _advance(engine, NOW + timedelta(days=2))
    assert len(_told(settings, hook)) == 1


def test_with_nobody_to_tell_events_are_passed_over(
    settings: Settings, engine: Engine, plans: dict[str, Entitlements]
) -> None:
    _publish(engine, *(_known(number) for number in range(30)))
    assert not _advance(engine, batch=5)
    hook = make_webhook(settings, make_user(settings).user_id, "https://a.example.com/", NOW - BAR)
    _advance(engine)
    assert _told(settings, hook) == []


def test_every_event_once_however_many_fan_out_at_once(
    settings: Settings, engine: Engine, plans: dict[str, Entitlements]
) -> None:
    hooks = [make_webhook(settings, make_user(settings).user_id, "https://a.example.com/", NOW - BAR) for _ in range(3)]
    going = threading.Event()
    going.set()

    def fan() -> None:
        while going.is_set():
            _advance(engine, batch=3)

    threads = [threading.Thread(target=fan) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(40):
        _publish(engine, _known(number))
    until(lambda: all(len(_told(settings, hook)) == 40 for hook in hooks))
    going.clear()
    for thread in threads:
        thread.join(30)
    for hook in hooks:
        entries = [orjson.loads(row["body"])["data"]["entry"] for row in _told(settings, hook)]
        assert sorted(entries) == sorted(_known(number)["entry"] for number in range(40))
    # A position that was lost doubles nothing.
    rows(settings, "UPDATE serving.fan_out_cursors SET position = 0")
    _advance(engine)
    assert [len(_told(settings, hook)) for hook in hooks] == [40] * 3
    assert rows(settings, "SELECT count(*) AS n FROM serving.outbox")[0]["n"] == 120


def test_nothing_early_and_nothing_after_the_plan_ended(
    settings: Settings, engine: Engine, plans: dict[str, Entitlements]
) -> None:
    clock = MovingClock(NOW)
    free, falls, narrows = (make_user(settings, now=NOW).user_id for _ in range(3))
    plans[free] = FREE
    with Receiver() as receiver:
        hooks = {
            name: make_webhook(settings, who, f"{receiver.url}/{name}", NOW - BAR)
            for name, who in (("free", free), ("falls", falls), ("narrows", narrows))
        }
        # Fanned out under the plan of that moment, before any worker runs.
        _publish(engine, _known())
        _advance(engine)
        plans[falls] = FREE
        plans[narrows] = replace(PAID, timeframes=("1d",))
        with working(settings, clock) as worker:
            clock.now = NOW + FREE.signal_delay - timedelta(milliseconds=1)
            worker.until(lambda: _state(settings, hooks["narrows"]) == "dead")
            worker.until(lambda: _waits(settings, hooks["falls"]))
            assert receiver.received == []
            clock.now = NOW + FREE.signal_delay
            worker.until(lambda: len(receiver.received) == 2)
            worker.until(lambda: _state(settings, hooks["free"]) == _state(settings, hooks["falls"]) == "delivered")
    assert sorted(one.path for one in receiver.received) == ["/hook/falls", "/hook/free"]
    # To wait for the plan's time is no attempt; that one is not sent is in its log.
    log = rows(settings, "SELECT number, status, error FROM serving.webhook_attempts ORDER BY status")
    assert [(row["number"], row["status"], row["error"]) for row in log] == [
        (1, 200, None),
        (1, 200, None),
        (1, None, "not sent: the plan pro does not include this market and timeframe"),
    ]


def _state(settings: Settings, hook: str) -> str:
    return rows(settings, "SELECT state FROM serving.webhook_deliveries WHERE webhook_id = :id", id=hook)[0]["state"]


def _waits(settings: Settings, hook: str) -> bool:
    due = NOW + FREE.signal_delay
    found = rows(settings, "SELECT next_at, claim FROM serving.outbox WHERE destination = :id", id=hook)[0]
    return found["claim"] is None and found["next_at"] == due
