"""Subscriptions paid through Stripe: its real SDK, a stand-in for its servers, and signed messages in any order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from api.billing import administration
from deploy.local.stack import LocalStack
from tests.api.billing_fixtures import START, sql
from tests.api.stripe_fixtures import Till, till_over

_LARGE = """
    INSERT INTO serving.plans (plan_id, name, price_minor, currency, signal_delay_s, streams, alerts, webhooks, api_keys,
        requests_per_minute, burst, position, stripe_price)
    VALUES ('large', 'Large', 19900, 'EUR', 0, 1, 1, 1, 1, 1, 1, 30, 'price_large')
"""


@pytest.fixture(scope="module")
def opened(world: LocalStack) -> Iterator[Till]:
    with till_over(world.settings) as made:
        yield made


@pytest.fixture
def till(opened: Till) -> Till:
    opened.reset()
    return opened


def test_a_checkout_a_trial_and_the_first_payment(till: Till) -> None:
    person = till.shop.person()
    made = till.shop.subscribe(person)
    assert (made["status"], made["provider"]) == ("incomplete", "stripe")
    assert till.shop.plan_of(person) == "free"
    till.stripe.check_out(made["checkout_url"].rsplit("/", 1)[1])
    till.deliver()
    now = till.shop.subscription(person)
    assert (now["status"], now["trial_end"], now["checkout_url"]) == ("trialing", "2027-03-24T12:00:00.000Z", None)
    assert till.shop.plan_of(person) == "pro"
    assert till.shop.invoices(person) == []
    till.move(START + timedelta(days=11))
    till.shop.worker()
    assert till.shop.mails(person) == ["trial_ending"]
    till.move(START + timedelta(days=15))
    till.deliver()
    bill = till.shop.invoices(person)[0]
    assert (bill["status"], bill["total_minor"], bill["tax_minor"], bill["currency"]) == ("paid", 2900, 463, "EUR")
    assert till.shop.subscription(person)["status"] == "active"
    assert till.shop.mails(person) == ["trial_ending", "invoice"]


def test_a_trial_without_a_card_ends(till: Till) -> None:
    person = till.shop.person()
    made = till.shop.subscribe(person)
    till.stripe.check_out(made["checkout_url"].rsplit("/", 1)[1], with_card=False)
    till.deliver()
    till.move(START + timedelta(days=15))
    till.deliver()
    assert (till.shop.plan_of(person), till.shop.subscription(person)["status"]) == ("free", "ended")
    # The trial is used up, whoever asks.
    again = till.shop.subscribe(person)
    assert "trial_period_days" not in till.stripe.objects[again["checkout_url"].rsplit("/", 1)[1]]["_wanted"]


def test_an_upgrade_is_paid_or_does_not_happen(till: Till) -> None:
    person, ref = till.begun()
    till.move(START + timedelta(days=10))
    till.stripe.card_works = False
    declined = till.shop.act(person, "change", "team")
    assert (declined.status_code, declined.json()["type"]) == (402, "/problems/payment-failed")
    assert till.shop.plan_of(person) == "pro"
    till.stripe.card_works = True
    assert till.shop.act(person, "change", "team").status_code == 200
    assert till.shop.plan_of(person) == "team"
    till.deliver()
    assert [one["total_minor"] for one in till.shop.invoices(person)] == [4741, 2900]
    assert len(till.stripe.paid_invoices(ref)) == 2


def test_a_downgrade_waits_for_the_period_and_can_be_taken_back(till: Till) -> None:
    person, ref = till.begun(plan="team")
    assert till.shop.act(person, "change", "pro").json()["next_plan"] == "pro"
    till.deliver()
    assert (till.shop.plan_of(person), till.shop.subscription(person)["next_plan"]) == ("team", "pro")
    assert till.shop.act(person, "resume").json()["next_plan"] is None
    assert till.stripe.objects[ref]["items"]["data"][0]["price"]["id"] == "price_team"
    till.shop.act(person, "change", "pro")
    till.move(START + timedelta(days=31))
    assert till.shop.plan_of(person) == "pro"
    till.deliver()
    assert (till.shop.subscription(person)["plan"], till.shop.subscription(person)["next_plan"]) == ("pro", None)
    assert till.shop.invoices(person)[0]["total_minor"] == 2900


def test_a_higher_plan_after_a_planned_change_is_charged_from_what_was_paid(till: Till) -> None:
    person, _ = till.begun(plan="team")
    till.move(START + timedelta(days=10))
    till.shop.act(person, "change", "pro")
    sql(till.shop.settings, _LARGE)
    try:
        assert till.shop.act(person, "change", "large").status_code == 200
        till.deliver()
        # 21 of 31 days: 19900 cents less the 9900 that were paid, not less the 2900 that were to come.
        assert till.shop.invoices(person)[0]["total_minor"] == 13481 - 6706
        assert till.shop.plan_of(person) == "large"
    finally:
        sql(till.shop.settings, "UPDATE serving.plans SET active = false WHERE plan_id = 'large'")


def test_cancelling_and_the_portal(till: Till) -> None:
    person, ref = till.begun()
    assert till.shop.act(person, "cancel").json()["cancel_at_period_end"] is True
    assert till.shop.act(person, "resume").json()["cancel_at_period_end"] is False
    till.shop.act(person, "cancel")
    page = till.shop.ask(person, "POST", "/v1/billing/portal").json()["url"]
    assert page == f"https://billing.stripe.test/{till.stripe.objects[ref]['customer']}"
    till.move(START + timedelta(days=31))
    assert till.shop.plan_of(person) == "free"
    till.deliver()
    assert till.shop.subscription(person)["status"] == "ended"


def test_dunning_grace_and_a_late_payment(till: Till) -> None:
    person, ref = till.begun()
    till.stripe.card_works = False
    end = START + timedelta(days=31)
    till.move(end)
    till.deliver()
    till.shop.worker()
    till.shop.worker()
    assert till.shop.subscription(person)["status"] == "past_due"
    assert till.shop.mails(person)[1:] == ["payment_failed"]
    till.move(end + timedelta(days=7, seconds=-1))
    assert till.shop.plan_of(person) == "pro"
    till.move(end + timedelta(days=7))
    assert till.shop.plan_of(person) == "free"
    till.stripe.card_works = True
    till.stripe.retry(ref)
    till.deliver()
    assert (till.shop.plan_of(person), till.shop.subscription(person)["status"]) == ("pro", "active")


def test_a_lost_message_is_made_up_for(till: Till) -> None:
    person, ref = till.begun()
    till.move(START + timedelta(days=31))
    till.stripe.give_up(ref)
    till.stripe.events.clear()
    till.shop.clock.move(hours=1)
    till.shop.worker()
    assert (till.shop.subscription(person)["status"], till.shop.plan_of(person)) == ("ended", "free")


def test_a_checkout_nobody_told_of_is_looked_at(till: Till) -> None:
    paid, left = till.shop.person(), till.shop.person()
    sessions = [till.shop.subscribe(one)["checkout_url"].rsplit("/", 1)[1] for one in (paid, left)]
    till.stripe.check_out(sessions[0])
    till.stripe.objects[sessions[1]]["status"] = "expired"
    till.stripe.events.clear()
    till.shop.move(hours=1)
    assert [till.shop.subscription(one)["status"] for one in (paid, left)] == ["trialing", "ended"]


def test_refunds_here_and_there_are_each_one_credit_note(till: Till) -> None:
    person, ref = till.begun()
    bill = till.shop.invoices(person)[0]["invoice_id"]
    till.shop.work(lambda books: administration.refund(books, bill, 900, "a bad week"))
    till.deliver()
    assert sorted(one["total_minor"] for one in till.shop.invoices(person)) == [-900, 2900]
    assert till.shop.plan_of(person) == "pro"
    till.stripe.refund(till.stripe.paid_invoices(ref)[0]["id"], 2000)
    waiting = list(till.stripe.events)
    till.deliver(waiting + waiting[::-1])
    assert sorted(one["total_minor"] for one in till.shop.invoices(person)) == [-2000, -900, 2900]
    assert sum(one["tax_minor"] for one in till.shop.invoices(person)) == 0
    assert (till.shop.plan_of(person), till.stripe.objects[ref]["status"]) == ("free", "canceled")


@pytest.mark.parametrize("order", [1, -1])
def test_a_payment_charged_back(till: Till, order: int) -> None:
    person, ref = till.begun()
    dispute = till.stripe.dispute(till.stripe.paid_invoices(ref)[0]["id"])
    till.deliver(till.stripe.events[::order])
    assert (till.shop.plan_of(person), till.stripe.objects[ref]["status"]) == ("free", "canceled")
    assert till.shop.ask(person, "POST", "/v1/subscriptions", json={"plan": "pro"}).status_code == 403
    till.stripe.win(dispute["id"])
    till.deliver(till.stripe.events[::order])
    till.stripe.events.clear()
    assert till.shop.plan_of(person) == "free"
    assert till.shop.subscribe(person)["status"] == "incomplete"


def test_parallel_starts_with_one_key_open_one_checkout(till: Till) -> None:
    person = till.shop.person()
    headers = {"Idempotency-Key": "one"}
    calls = till.stripe.calls.count("POST /v1/checkout/sessions")

    def start(_: int) -> bytes:
        return till.shop.ask(person, "POST", "/v1/subscriptions", json={"plan": "pro"}, headers=headers).content

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(start, range(50)))) == 1
    assert till.stripe.calls.count("POST /v1/checkout/sessions") == calls + 1


def test_a_second_start_closes_the_first_checkout(till: Till) -> None:
    person = till.shop.person()
    first = till.shop.subscribe(person)["checkout_url"].rsplit("/", 1)[1]
    second = till.shop.subscribe(person, "team")["checkout_url"].rsplit("/", 1)[1]
    assert till.stripe.objects[first]["status"] == "expired"
    till.stripe.check_out(second)
    # Paid and not told yet: a third start must not end what has just been paid for.
    assert till.shop.ask(person, "POST", "/v1/subscriptions", json={"plan": "pro"}).status_code == 409
    till.deliver()
    assert till.shop.plan_of(person) == "team"
