"""What plans give: the free one to anybody, and made-up ones that give little."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.billing import administration
from api.entitlements import FREE, entitlements_of
from api.problems import Problem
from deploy.local.stack import LocalStack
from tests.api.billing_fixtures import Shop, shop, sql
from tests.api.people import give_plan

_NARROW = """
    INSERT INTO serving.plans (plan_id, name, price_minor, currency, markets, timeframes, signal_delay_s, history_s,
        streams, alerts, webhooks, api_keys, requests_per_minute, burst, position)
    VALUES ('narrow', 'Narrow', 100, 'EUR', '{binance:BTCUSDT}', '{1h}', 60, 3600, 2, 3, 4, 5, 6, 7, 5)
"""


@pytest.fixture(scope="module")
def here(world: LocalStack) -> Iterator[Shop]:
    sql(world.settings, _NARROW)
    with shop(world.settings) as made:
        yield made
    sql(world.settings, "DELETE FROM serving.grants WHERE plan_id = 'narrow'")
    sql(world.settings, "DELETE FROM serving.plans WHERE plan_id = 'narrow'")


def test_anybody_reads_the_plans(here: Shop) -> None:
    found = here.ask(None, "GET", "/v1/plans").json()
    assert [plan["plan"] for plan in found["items"]] == ["free", "narrow", "pro", "team"]
    pro = found["items"][2]
    assert (pro["price_minor"], pro["currency"], pro["signal_delay_s"], pro["streams"]) == (2900, "EUR", 0, 10)


def test_the_free_plan_hides_no_history_and_is_what_the_code_falls_back_to(here: Shop) -> None:
    here.session(lambda session: entitlements_of(session, None, here.clock.now))
    assert here.session(lambda session: entitlements_of(session, None, here.clock.now)) == FREE
    assert FREE.markets is FREE.timeframes is FREE.history is None
    mine = here.ask(None, "GET", "/v1/billing/entitlements").json()
    assert (mine["plan"], mine["signal_delay_s"], mine["history_s"]) == ("free", 900, None)
    # Old signals are shown to somebody who is not signed in.
    assert here.ask(None, "GET", "/v1/signals").json()["items"]


def test_a_plan_says_everything_about_its_holder(here: Shop) -> None:
    person = here.person()
    give_plan(here.settings, person.user_id, "narrow", now=here.clock.now)
    mine = here.ask(person, "GET", "/v1/billing/entitlements").json()
    assert mine == {
        "plan": "narrow",
        "markets": ["binance:BTCUSDT"],
        "timeframes": ["1h"],
        "signal_delay_s": 60,
        "history_s": 3600,
        "streams": 2,
        "alerts": 3,
        "webhooks": 4,
        "api_keys": 5,
        "requests_per_minute": 6,
        "burst": 7,
        "backtests": 3,
        "export": False,
    }
    rights = here.session(lambda session: entitlements_of(session, person.user_id, here.clock.now))
    assert rights.allows("binance:BTCUSDT", "1h")
    assert not rights.allows("binance:BTCUSDT", "15m")
    assert not rights.allows("sim:BTCUSDT", "1h")
    # What was published long ago is beyond the history of this plan.
    assert here.ask(person, "GET", "/v1/signals").json()["items"] == []


def test_a_changed_plan_counts_at_once_for_everybody_who_has_it(here: Shop) -> None:
    person = here.person()
    give_plan(here.settings, person.user_id, "narrow", now=here.clock.now)
    here.work(lambda books: administration.change_plan(books, "narrow", {"streams": 9, "active": False}))
    assert here.ask(person, "GET", "/v1/billing/entitlements").json()["streams"] == 9
    assert "narrow" not in [plan["plan"] for plan in here.ask(None, "GET", "/v1/plans").json()["items"]]
    assert here.ask(person, "POST", "/v1/subscriptions", json={"plan": "narrow"}).status_code == 422
    here.work(lambda books: administration.change_plan(books, "narrow", {"streams": 2, "active": True}))


@pytest.mark.parametrize(
    ("plan", "values"),
    [
        ("free", {"active": False}),
        ("free", {"price_minor": 1}),
        ("pro", {"currency": "USD"}),
        ("pro", {"plan_id": "free"}),
        ("none", {"streams": 1}),
    ],
)
def test_some_of_a_plan_cannot_be_changed(here: Shop, plan: str, values: dict[str, object]) -> None:
    with pytest.raises(Problem):
        here.work(lambda books: administration.change_plan(books, plan, values))
