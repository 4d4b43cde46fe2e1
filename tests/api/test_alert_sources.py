"""What the matcher reads from the stores: closed bars only, gaps, late and restated bars, and nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from api.alerts.matching import clean, match_markets, match_signals
from api.dependencies import Context
from deploy.local.stack import LocalStack
from stores import database, warehouse
from stores.warehouse import Warehouse
from tests.api.alert_rows import add_person, add_rule, firings, fresh_database, sent, wipe, worker
from tests.api.world import candle, insert, structure, zone_event
from tests.stack_fixtures import empty
from tests.stores.signal_rows import BAR, FIRST_BAR, outcome_row, signal_row

MARKET = "binance:BTCUSDT"
OPENED = FIRST_BAR + 100 * BAR
"""Open time of the first bar of these tests."""


class Clock:
    def __init__(self) -> None:
        self.now = OPENED

    def __call__(self) -> datetime:
        return self.now


class World:
    """A worker's duties, a clock to move, and bars to store."""

    def __init__(self, context: Context, engine: Engine, clock: Clock, stored: Warehouse) -> None:
        self.context, self.engine, self.clock, self.stored = context, engine, clock, stored
        self.version = 0

    def bars(self, closes: dict[int, float], timeframe: str = "15m") -> None:
        """Store bars by their number; storing one again restates it."""
        self.version += 1
        rows = []
        for number, close in closes.items():
            row = {**candle(100 + number, version=self.version, timeframe=timeframe), "close": close}
            row |= {"high": max(row["open"], close) + 1, "low": min(row["open"], close) - 1}
            rows.append(row)
        insert(self.stored, "candles", rows)

    def at_close_of(self, number: int, seconds: float = 2) -> None:
        self.clock.now = OPENED + (number + 1) * BAR + timedelta(seconds=seconds)

    def match(self) -> list[str]:
        """Let the duties run until there is nothing more; returns the events that fired since the last time."""
        before = len(firings(self.engine))
        for duty in (match_signals, match_markets):
            more: bool | object = True
            while more:
                with database.session(self.engine) as session:
                    more = duty(self.context, session)
        return [one["event_key"] for one in firings(self.engine)[before:]]

    def rule(self, condition: dict[str, Any], **options: Any) -> str:
        with database.session(self.engine) as session:
            return add_rule(session, add_person(session), condition, **{"active_since": self.clock.now, **options})


@pytest.fixture(scope="module")
def stores(stack: LocalStack) -> Iterator[tuple[LocalStack, Engine, Warehouse]]:
    empty(stack)
    warehouse.migrate(stack.settings)
    engine = fresh_database(stack.settings)
    with closing(Warehouse.connect(stack.settings, origin="test")) as stored:
        yield stack, engine, stored
    engine.dispose()


@pytest.fixture
def here(stores: tuple[LocalStack, Engine, Warehouse]) -> Iterator[World]:
    stack, engine, stored = stores
    wipe(engine)
    for table in ("candles", "zone_events", "structure_events"):
        stored.command(f"TRUNCATE TABLE market.{table}")
    clock = Clock()
    with worker(stack.settings, clock) as context:
        yield World(context, engine, clock, stored)


def price(level: float, crosses: str = "either", timeframe: str = "15m") -> dict[str, Any]:
    return {"kind": "price", "market": MARKET, "timeframe": timeframe, "level": level, "crosses": crosses}


def key(number: int) -> str:
    return f"price:{MARKET}:15m:{int((OPENED + number * BAR).timestamp() * 1_000)}"


def test_a_crossing_is_judged_on_closed_bars_only(here: World) -> None:
    here.bars({0: 100.0})
    here.at_close_of(0)
    here.rule(price(105))
    assert here.match() == []
    # The bar is stored and has not closed yet.
    here.bars({1: 110.0})
    here.at_close_of(1, seconds=-1)
    assert here.match() == []
    here.at_close_of(1, seconds=0)
    assert here.match() == [key(1)]
    assert here.match() == []
    # Of two new bars one has closed.
    here.bars({2: 110.0, 3: 100.0})
    here.at_close_of(2)
    assert here.match() == []
    here.at_close_of(3)
    assert here.match() == [key(3)]


def test_a_gap_over_the_level_counts(here: World) -> None:
    here.bars({0: 100.0})
    here.at_close_of(0)
    here.rule(price(105))
    assert here.match() == []
    here.bars({5: 110.0})
    here.at_close_of(5)
    assert here.match() == [key(5)]
    # The bars of the gap come late: they are looked at by nobody.
    here.bars({2: 90.0, 3: 120.0, 4: 90.0})
    assert here.match() == []
    here.bars({6: 111.0})
    here.at_close_of(6)
    assert here.match() == []


def test_a_restated_bar_changes_nothing_that_was_judged(here: World) -> None:
    here.bars({0: 100.0})
    here.at_close_of(0)
    here.rule(price(105))
    here.bars({1: 110.0})
    here.at_close_of(1)
    assert here.match() == [key(1)]
    here.bars({1: 100.0})
    assert here.match() == []
    here.bars({2: 110.0})
    here.at_close_of(2)
    assert here.match() == [], "it was above before, as it was told"


def test_a_bar_that_closes_between_a_new_rule_and_the_next_look_is_not_missed(here: World) -> None:
    here.bars({0: 100.0})
    here.at_close_of(1, seconds=-2)
    here.rule(price(105))
    here.bars({1: 110.0})
    here.at_close_of(1)
    assert here.match() == [key(1)]


def test_a_rule_is_not_told_of_what_was_before_it(here: World) -> None:
    here.bars({0: 100.0, 1: 110.0, 2: 100.0})
    here.at_close_of(2)
    here.rule(price(105))
    assert here.match() == []
    here.bars({3: 110.0})
    here.at_close_of(3)
    here.rule(price(107))
    here.clock.now += timedelta(seconds=5)
    assert len(here.match()) == 1


def test_a_matcher_that_was_away_for_long_tells_of_the_last_day_only(here: World) -> None:
    here.bars({0: 100.0})
    here.at_close_of(0)
    here.rule(price(105))
    assert here.match() == []
    here.bars({number: 110.0 if number % 2 else 100.0 for number in range(1, 200)})
    here.at_close_of(199)
    told = here.match()
    # A bar that closed exactly a day ago is passed over; then one crossing a bar.
    assert told == [key(number) for number in range(104, 200)]


def test_many_rows_are_read_in_parts_and_each_once(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.alerts.sources._MOST_ROWS", 7)
    here.bars({0: 100.0})
    here.bars({0: 100.0}, timeframe="1h")
    here.at_close_of(4)
    here.rule(price(105))
    here.rule({"kind": "zone", "markets": [MARKET], "timeframes": ["15m"]})
    assert here.match() == []
    here.bars({number: 110.0 if number % 2 else 100.0 for number in range(4, 40)})
    rows = [zone_event(100 + number, f"zone {number}/{one}", "touched") for number in range(6, 20) for one in range(3)]
    insert(here.stored, "zone_events", rows)
    here.at_close_of(39)
    told = here.match()
    assert sorted(told) == sorted(
        [key(number) for number in range(5, 40)] + [f"zone:{row['zone_id']}:touched" for row in rows]
    )


def test_zones_and_structure(here: World) -> None:
    here.at_close_of(0)
    zones = here.rule({"kind": "zone", "markets": [MARKET], "timeframes": ["15m"], "zone": "fvg", "side": -1})
    breaks = here.rule({"kind": "structure", "markets": [MARKET], "timeframes": ["15m"], "event": "choch"})
    assert here.match() == []
    insert(
        here.stored,
        "zone_events",
        [
            zone_event(101, "z1", "created", "fvg", side=-1, scale=None),
            zone_event(102, "z1", "touched", "fvg", side=-1, scale=None),
            zone_event(102, "z2", "touched", "fvg", side=1, scale=None),
            zone_event(103, "z1", "filled", "fvg", side=-1, scale=None),
            zone_event(90, "z0", "touched", "fvg", side=-1, scale=None),
        ],
    )
    insert(
        here.stored,
        "structure_events",
        [structure(102, "swing", "choch", -1, bias=-1), structure(102, "swing", "bos", -1, bias=-1)],
    )
    here.at_close_of(102 - 100)
    told = here.match()
    assert [one["alert_id"] for one in firings(here.engine)] == (
        [zones, breaks] if "zone" in told[0] else [breaks, zones]
    )
    assert set(told) == {
        "zone:z1:touched",
        f"structure:{MARKET}:15m:{int((OPENED + 2 * BAR).timestamp() * 1_000)}:swing:choch:-1",
    }
    assert {one["known_at"] for one in firings(here.engine)} == {OPENED + 3 * BAR}


def _publish(here: World, *numbers: int, **changes: Any) -> None:
    with database.session(here.engine) as session:
        database.publish(session, [signal_row(100 + number, **changes) for number in numbers])


def test_signals_are_told_by_their_sequence(here: World) -> None:
    _publish(here, -98, 0)
    here.at_close_of(0)
    here.rule({"kind": "signal", "minimum_score": 0.5}, active_since=FIRST_BAR)
    assert here.match() == [f"signal:{signal_row(100)['signal_id']}"], "the first time it looks back a day"
    _publish(here, 3, 2, 1)
    _publish(here, 4, score=0.4)
    here.at_close_of(4)
    assert here.match() == [f"signal:{signal_row(100 + number)['signal_id']}" for number in (1, 2, 3)]
    assert here.match() == []


def test_outcomes_are_told_with_their_result(here: World) -> None:
    signals = [signal_row(100 + number) for number in (50, 51)]
    here.at_close_of(51)
    rule = here.rule({"kind": "outcome", "outcomes": ["stopped"], "direction": 1}, active_since=OPENED + 40 * BAR)
    here.match()
    with database.session(here.engine) as session:
        database.publish(session, signals)
        database.publish_outcomes(
            session, [outcome_row(signals[0], "stopped", -1.0, 3), outcome_row(signals[1], "target_1", 1.0, 3)]
        )
    here.at_close_of(60)
    assert here.match() == [f"outcome:{signals[0]['signal_id']}:stopped"]
    (told,) = [row["payload"] for row in sent(here.engine)]
    assert told["alert"]["alert_id"] == rule
    assert told["context"]["title"] == "Long signal was stopped: binance:BTCUSDT 15m"
    assert "Result: -1.00 R before costs" in told["context"]["text"]


def test_a_matcher_killed_before_any_statement_tells_everything_once(here: World) -> None:
    here.bars({0: 100.0})
    here.at_close_of(0)
    here.rule(
        {"kind": "signal", "strategy": "killed"},
        channels=[{"type": "email"}, {"type": "telegram"}],
        active_since=OPENED + 6 * BAR,
    )
    here.rule(price(105), channels=[{"type": "email"}, {"type": "telegram"}])
    here.match()
    _publish(here, 10, 11, strategy="killed")
    here.bars({1: 110.0, 2: 100.0})
    here.at_close_of(11)
    expected_messages = 2 * 2 + 2 * 2
    reached = 0
    for survived in range(200):
        count = 0

        def kill(*_: Any, most: int = survived) -> None:
            nonlocal count
            count += 1
            if count > most:
                raise KilledHere

        for duty in (match_signals, match_markets):
            event.listen(here.engine, "before_cursor_execute", kill)
            try:
                with database.session(here.engine) as session:
                    duty(here.context, session)
            except KilledHere:
                reached += 1
            finally:
                event.remove(here.engine, "before_cursor_execute", kill)
            count = 0
        keys = [row["key"] for row in sent(here.engine)]
        assert len(keys) == len(set(keys))
        if len(keys) == expected_messages:
            break
    # Both were killed before each of their statements, and each time had done nothing.
    assert reached > 25
    assert len(firings(here.engine)) == 4
    assert len(sent(here.engine)) == expected_messages
    assert here.match() == []


class KilledHere(BaseException):
    """Nothing after it runs, not even what handles exceptions."""


def test_two_matchers_at_once_tell_everything_once(here: World) -> None:
    here.rule({"kind": "signal", "strategy": "racing"}, active_since=OPENED + 20 * BAR)
    here.match()
    _publish(here, 30, 31, 32, strategy="racing")
    here.at_close_of(32)

    def run() -> None:
        with database.session(here.engine) as session:
            match_signals(here.context, session)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(firings(here.engine)) == len(sent(here.engine)) == 3


def test_what_was_told_long_ago_is_forgotten(here: World) -> None:
    here.bars({0: 100.0})
    here.at_close_of(0)
    here.rule(price(105))
    other = here.rule(price(300, timeframe="1h"))
    here.match()
    here.bars({1: 110.0})
    here.at_close_of(1)
    assert here.match() == [key(1)]
    with here.engine.begin() as connection:
        connection.execute(text("DELETE FROM serving.alert_rules WHERE alert_id = :id"), {"id": other})
    for days, left in ((89, 1), (2, 0)):
        here.clock.now += timedelta(days=days)
        with database.session(here.engine) as session:
            assert clean(here.context, session) is False
        assert len(firings(here.engine)) == left
    with here.engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM serving.alert_cursors ORDER BY name")).scalars().all()
    assert names == [f"price {MARKET} 15m", "signals"]


def test_a_deleted_person_leaves_no_rule_behind(here: World) -> None:
    here.rule({"kind": "signal"}, active_since=FIRST_BAR)
    here.match()
    with here.engine.begin() as connection:
        connection.execute(text("DELETE FROM serving.users"))
        assert _count(connection) == 0
    _publish(here, 20)
    here.at_close_of(20)
    assert here.match() == []


def _count(connection: Connection) -> int:
    return connection.execute(text("SELECT count(*) FROM serving.alert_subjects")).scalar_one()
