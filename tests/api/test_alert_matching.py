"""Rules against a plain reference, over random rules, events and batches; and the cost of an event."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from api.alerts import firing, storage
from api.alerts.events import Event
from api.alerts.rules import ConditionKind
from api.entitlements import FREE, Entitlements
from deploy.local.stack import LocalStack
from stores import database
from tests.api.alert_rows import NOW, add_person, add_rule, firings, fresh_database, sent, wipe

MARKETS = ["binance:BTCUSDT", "binance:ETHUSDT", "sim:BTCUSDT"]
TIMEFRAMES = ["15m", "1h"]
PLANS = {
    "all": {"signal_delay": timedelta(0), "alerts": 10},
    "late": {"signal_delay": timedelta(minutes=15), "alerts": 10},
    "one": {"signal_delay": timedelta(0), "alerts": 1},
    "narrow": {"signal_delay": timedelta(0), "alerts": 10, "markets": ("binance:BTCUSDT",), "timeframes": ("15m",)},
}


def plan(name: str) -> Entitlements:
    return Entitlements(**{**vars(FREE), **PLANS[name]})


@pytest.fixture(scope="module")
def engine(stack: LocalStack) -> Iterator[Engine]:
    made = fresh_database(stack.settings)
    yield made
    made.dispose()


@dataclass(frozen=True)
class Given:
    """A rule as it was drawn."""

    owner: int
    condition: dict[str, Any]
    options: dict[str, Any]


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.none() | strategy


SIGNAL_FILTER = {
    "markets": _optional(st.lists(st.sampled_from(MARKETS), min_size=1, max_size=3)),
    "timeframes": _optional(st.lists(st.sampled_from(TIMEFRAMES), min_size=1, max_size=2)),
    "strategy": _optional(st.sampled_from(["a", "b"])),
    "direction": _optional(st.sampled_from([1, -1])),
    "minimum_score": st.sampled_from([0.0, 0.0, 0.5]),
    "exclude_simulated": st.booleans(),
}
SERIES_FILTER = {
    "markets": st.lists(st.sampled_from(MARKETS), min_size=1, max_size=3),
    "timeframes": st.lists(st.sampled_from(TIMEFRAMES), min_size=1, max_size=2),
    "scale": _optional(st.sampled_from(["internal", "swing"])),
}
CONDITIONS = st.one_of(
    st.fixed_dictionaries({"kind": st.just("signal"), **SIGNAL_FILTER}),
    st.fixed_dictionaries(
        {
            "kind": st.just("outcome"),
            **SIGNAL_FILTER,
            "outcomes": st.lists(st.sampled_from(["target_1", "target_2", "stopped"]), min_size=1, max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("price"),
            "market": st.sampled_from(MARKETS),
            "timeframe": st.sampled_from(TIMEFRAMES),
            "level": st.sampled_from([100.0, 101.0, 102.0]),
            "crosses": st.sampled_from(["above", "below", "either"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("zone"),
            **SERIES_FILTER,
            "zone": _optional(st.sampled_from(["fvg", "order_block"])),
            "side": _optional(st.sampled_from([1, -1])),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("structure"),
            **SERIES_FILTER,
            "event": _optional(st.sampled_from(["bos", "choch"])),
            "direction": _optional(st.sampled_from([1, -1])),
        }
    ),
)
HOUR = timedelta(hours=1)
OPTIONS = st.fixed_dictionaries(
    {
        "cooldown_s": st.sampled_from([0, 0, 3_600]),
        "enabled": st.sampled_from([True, True, True, False]),
        "expires_at": st.sampled_from([None, None, NOW - 2 * HOUR, NOW + HOUR]),
        "active_since": st.sampled_from([NOW - 100 * HOUR, NOW - 100 * HOUR, NOW - 2 * HOUR]),
        "quiet_hours": st.sampled_from(
            [
                None,
                {"start": "12:00", "end": "14:00", "then": "hold"},
                {"start": "12:00", "end": "14:00", "then": "drop"},
                {"start": "22:00", "end": "07:00", "then": "hold"},
            ]
        ),
        "channels": st.sampled_from(
            [[{"type": "email"}], [{"type": "telegram"}], [{"type": "email"}, {"type": "telegram"}]]
        ),
    }
)
RULES = st.lists(st.builds(Given, st.integers(0, 3), CONDITIONS, OPTIONS), min_size=3, max_size=10)


@st.composite
def event_lists(draw: st.DrawFn) -> list[Event]:
    """Events from two days ago to now, most in the order in which they were known; some are the same event again."""
    found: list[Event] = []
    # On, before and behind every bound there is: delays, beginnings and ends of rules, quiet hours, a day.
    ago = st.sampled_from([0, 1, 14, 15, 16, 59, 60, 61, 119, 120, 121, 700, 1_439, 1_440, 1_441, 2_000])
    minutes = sorted(draw(st.lists(ago, min_size=4, max_size=16)), reverse=True)
    for number, ago in enumerate(minutes):
        kind = draw(st.sampled_from([ConditionKind.SIGNAL, *ConditionKind]))
        facts: dict[str, Any] = {
            "strategy": draw(st.sampled_from(["a", "b"])),
            "direction": draw(st.sampled_from([1, -1])),
            "score": draw(st.sampled_from([0.4, 0.5, 0.9])),
            "entry": 1.0,
            "stop": 0.9,
            "target_1": 1.1,
            "target_2": None,
            "reasons": [],
            "outcome": draw(st.sampled_from(["target_1", "target_2", "stopped"])),
            "price": 1.0,
            "r_multiple": 1.0,
            "previous_close": draw(st.sampled_from([99.0, 100.0, 100.5, 101.0, 103.0])),
            "close": draw(st.sampled_from([99.0, 100.0, 100.5, 101.0, 103.0])),
            "zone": draw(st.sampled_from(["fvg", "order_block"])),
            "side": draw(st.sampled_from([1, -1])),
            "scale": draw(st.sampled_from([None, "internal", "swing"])),
            "top": 1.0,
            "bottom": 0.9,
            "event": draw(st.sampled_from(["bos", "choch"])),
            "level": 1.0,
        }
        market, timeframe = draw(st.sampled_from(MARKETS)), draw(st.sampled_from(TIMEFRAMES))
        found.append(Event(kind, f"{kind}:{number}", market, timeframe, NOW - timedelta(minutes=ago), facts))
        if draw(st.integers(0, 5)) == 0:
            found.append(found[-1])
    # Series do not come in step: an event may be read after one that was known later.
    for _ in range(draw(st.integers(0, 3))):
        first, second = draw(st.integers(0, len(found) - 1)), draw(st.integers(0, len(found) - 1))
        found[first], found[second] = found[second], found[first]
    return found


# -- the reference: as plain as it can be said --------------------------------------------------------------------------


def reference_holds(condition: dict[str, Any], event: Event) -> bool:
    facts = event.facts
    if condition["kind"] != event.kind.value:
        return False
    if condition["kind"] == "price":
        if (event.market, event.timeframe) != (condition["market"], condition["timeframe"]):
            return False
        before, close, level = facts["previous_close"], facts["close"], condition["level"]
        rose, fell = (before < level and close >= level), (before > level and close <= level)
        return {"above": rose, "below": fell, "either": rose or fell}[condition["crosses"]]
    for name, value in (("markets", event.market), ("timeframes", event.timeframe)):
        if condition[name] is not None and value not in condition[name]:
            return False
    same = {"zone": ["zone", "side", "scale"], "structure": ["event", "direction", "scale"]}
    names = same.get(condition["kind"], ["strategy", "direction"])
    if any(condition[name] is not None and condition[name] != facts[name] for name in names):
        return False
    if condition["kind"] in ("signal", "outcome"):
        if facts["score"] < condition["minimum_score"]:
            return False
        if condition["exclude_simulated"] and event.market.split(":")[0] == "sim":
            return False
    return condition["kind"] != "outcome" or facts["outcome"] in condition["outcomes"]


def reference_release(options: dict[str, Any], moment: datetime) -> tuple[str, datetime]:
    quiet = options["quiet_hours"]
    if quiet is None:
        return "queued", moment
    wall = moment.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M")
    over_midnight = quiet["start"] > quiet["end"]
    inside = quiet["start"] <= wall < quiet["end"]
    if over_midnight:
        inside = wall >= quiet["start"] or wall < quiet["end"]
    if not inside:
        return "queued", moment
    if quiet["then"] == "drop":
        return "quiet", moment
    # No clock is changed in these days, so the end is simply the next time the wall shows it.
    end = moment.astimezone(ZoneInfo("Europe/Berlin")).replace(second=0, microsecond=0)
    while end.strftime("%H:%M") != quiet["end"]:
        end += timedelta(minutes=1)
    return "held", end


def reference(rules: list[Given], plans: list[str], events: list[Event]) -> tuple[set[Any], set[Any]]:
    """Firings as (rule, event, state), messages as (rule, event, channel, not before)."""
    fired: set[Any] = set()
    messages: set[Any] = set()
    last: dict[int, datetime] = {}
    room: dict[int, list[int]] = {}
    for number, rule in enumerate(rules):
        if rule.options["enabled"]:
            room.setdefault(rule.owner, []).append(number)
    for event in events:
        for number, rule in enumerate(rules):
            rights = PLANS[plans[rule.owner]]
            options = rule.options
            if not options["enabled"] or number not in room[rule.owner][: rights["alerts"]]:
                continue
            if event.known_at <= options["active_since"]:
                continue
            if options["expires_at"] is not None and event.known_at >= options["expires_at"]:
                continue
            if "markets" in rights and (event.market, event.timeframe) != ("binance:BTCUSDT", "15m"):
                continue
            apart = abs((event.known_at - last.get(number, NOW)).total_seconds())
            if number in last and apart < options["cooldown_s"]:
                continue
            if not reference_holds(rule.condition, event) or any(seen[:2] == (number, event.key) for seen in fired):
                continue
            last[number] = max(last.get(number, event.known_at), event.known_at)
            moment = NOW
            if event.kind.value in ("signal", "outcome"):
                moment = max(NOW, event.known_at + rights["signal_delay"])
            state, release = reference_release(options, moment)
            if NOW - event.known_at > timedelta(days=1):
                state = "stale"
            fired.add((number, event.key, state))
            if state in ("queued", "held"):
                for channel in options["channels"]:
                    messages.add((number, event.key, channel["type"], release))
    return fired, messages


@settings(
    max_examples=60,
    deadline=None,
    # Each try writes to a database: looking for a smaller failure would take many minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rules=RULES,
    plans=st.lists(st.sampled_from(list(PLANS)), min_size=4, max_size=4),
    events=event_lists(),
    data=st.data(),
)
def test_rules_fire_as_a_plain_reading_of_them_says(
    engine: Engine, rules: list[Given], plans: list[str], events: list[Event], data: st.DataObject
) -> None:
    wipe(engine)
    with pytest.MonkeyPatch.context() as patched, database.session(engine) as session:
        people = [add_person(session, chat_id=number + 1) for number in range(4)]
        rights = {person: plan(name) for person, name in zip(people, plans, strict=True)}
        patched.setattr(firing, "entitlements_of", lambda _, user, __: rights[user])
        ids = {
            add_rule(
                session, people[rule.owner], rule.condition, created_at=NOW - HOUR * (100 - number), **rule.options
            ): number
            for number, rule in enumerate(rules)
        }
        # In batches of any size, one of them handed over twice.
        cut = data.draw(st.integers(0, len(events)))
        for batch in (events[:cut], events[:cut], events[cut:]):
            firing.match(session, batch, NOW)
    fired, messages = reference(rules, plans, events[:cut] + events[cut:])
    assert {(ids[one["alert_id"]], one["event_key"], one["state"]) for one in firings(engine)} == fired
    got = [
        (
            ids[row["payload"]["alert"]["alert_id"]],
            row["key"].split(":", 2)[2].rsplit(":", 1)[0],
            row["payload"]["alert"]["channel"],
            row["available_at"],
        )
        for row in sent(engine)
    ]
    assert len(got) == len(set(got))
    assert set(got) == messages


def test_an_event_costs_as_much_as_there_are_rules_on_its_series(engine: Engine) -> None:
    wipe(engine)
    with database.session(engine) as session:
        person = add_person(session)
        for number, market in itertools.product(range(500), ["binance:BTCUSDT", "binance:ETHUSDT"]):
            add_rule(
                session,
                person,
                {"kind": "price", "market": market, "timeframe": "15m", "level": 1_000.0 + number, "crosses": "above"},
            )
        add_rule(session, person, {"kind": "signal", "markets": ["binance:SOLUSDT"]})
        session.connection().execute(text("ANALYZE serving.alert_subjects"))
        facts = {"previous_close": 1_009.5, "close": 1_012.0}
        moved = Event(ConditionKind.PRICE, "p", "binance:BTCUSDT", "15m", NOW, facts)
        other = Event(ConditionKind.PRICE, "q", "binance:XRPUSDT", "15m", NOW, facts)
        found = storage.candidates(session, [moved, other])
        assert [len(found.get(number, [])) for number in (0, 1)] == [3, 0]
        explained = "\n".join(
            row[0]
            for row in session.connection().execute(
                text(
                    "EXPLAIN SELECT alert_id FROM serving.alert_subjects WHERE kind = 'price' "
                    "AND market IN ('binance:BTCUSDT', '*') AND timeframe IN ('15m', '*') AND level BETWEEN 1009 AND 1012"
                )
            )
        )
    assert "alert_subjects_series" in explained


SIGNAL_FACTS = {
    "strategy": "a",
    "direction": 1,
    "score": 0.9,
    "entry": 1.0,
    "stop": 0.9,
    "target_1": 1.1,
    "target_2": None,
    "reasons": [],
}
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("rights", "options", "ago", "expected"),
    [
        ("all", {}, 0, 0),
        ("late", {}, 0, 15),
        ("late", {}, 14, 1),
        ("late", {}, 15, 0),
        ("late", {"quiet_hours": {"start": "13:10", "end": "14:00", "then": "hold"}}, 0, 59.5),
        ("all", {"active_since": NOW - 10 * MINUTE}, 9, 0),
        ("all", {"active_since": NOW - 10 * MINUTE}, 10, None),
        ("all", {"expires_at": NOW - 10 * MINUTE}, 11, 0),
        ("all", {"expires_at": NOW - 10 * MINUTE}, 10, None),
        ("all", {"enabled": False}, 0, None),
        ("narrow", {}, 0, 0),
        ("all", {"cooldown_s": 3_600, "last_known_at": NOW - 60 * MINUTE}, 0, 0),
        ("all", {"cooldown_s": 3_600, "last_known_at": NOW - 59 * MINUTE}, 0, None),
        ("all", {"cooldown_s": 0, "last_known_at": NOW}, 30, 0),
        ("all", {}, 24 * 60, 0),
        ("all", {}, 24 * 60 + 1, None),
    ],
)
def test_the_bounds_of_a_rule(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    rights: str,
    options: dict[str, Any],
    ago: int,
    expected: float | None,
) -> None:
    wipe(engine)
    monkeypatch.setattr(firing, "entitlements_of", lambda *_: plan(rights))
    happened = Event(ConditionKind.SIGNAL, "one", "binance:BTCUSDT", "15m", NOW - ago * MINUTE, SIGNAL_FACTS)
    with database.session(engine) as session:
        add_rule(session, add_person(session), {"kind": "signal"}, **options)
        firing.match(session, [happened], NOW)
    told = [(row["available_at"] - NOW) / MINUTE for row in sent(engine)]
    assert told == ([] if expected is None else [expected])
