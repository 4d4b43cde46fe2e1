"""Subscriptions paid through Stripe: its real SDK, a stand-in for its servers, and signed messages in any order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import stripe
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from api.billing import administration
from deploy.local.stack import LocalStack
from tests.api.billing_fixtures import START, Shop, shop, sql
from tests.api.delivery_fixtures import rows
from tests.api.people import Person
from tests.billing_provider.fake_stripe import FakeStripe, Object, serve_stripe

_LARGE = """
    INSERT INTO serving.plans (plan_id, name, price_minor, currency, signal_delay_s, streams, alerts, webhooks, api_keys,
        requests_per_minute, burst, position, stripe_price)
    VALUES ('large', 'Large', 19900, 'EUR', 0, 1, 1, 1, 1, 1, 1, 30, 'price_large')
"""
SECRET = "whsec_of_the_tests"


@dataclass
class Till:
    """The shop and Stripe, with one clock."""

    shop: Shop
    stripe: FakeStripe

    def reset(self) -> None:
        self.shop.clock.now = self.stripe.now = START
        self.stripe.events.clear()
        self.stripe.objects.clear()
        self.stripe.card_works, self.stripe.down = True, False

    def send(self, event: Object, *, secret: str = SECRET, age_s: int = 0) -> httpx.Response:
        """Deliver an event as Stripe does."""
        payload = json.dumps(event)
        header = stripe.WebhookSignature.generate_signature_header(payload, secret, int(time.time()) - age_s)
        return self.shop.served.client.post(
            "/v1/billing/webhook", content=payload, headers={"Stripe-Signature": header}
        )

    def deliver(self, events: Sequence[Object] | None = None) -> None:
        """Deliver events, all that wait if none are given, and forget that they waited."""
        for event in list(self.stripe.events) if events is None else events:
            assert self.send(event).status_code == 200
        if events is None:
            self.stripe.events.clear()

    def begun(self, *, trial: bool = False, plan: str = "pro") -> tuple[Person, str]:
        """Somebody with a subscription, and its id with Stripe."""
        person = self.shop.person()
        if not trial:
            sql(
                self.shop.settings,
                "INSERT INTO serving.trial_uses (email_digest, user_id, used_at) VALUES (:digest, :user, now())",
                digest=person.user_id.encode(),
                user=person.user_id,
            )
        made = self.shop.subscribe(person, plan)
        ref = self.stripe.check_out(made["checkout_url"].rsplit("/", 1)[1])["id"]
        self.deliver()
        return person, ref

    def move(self, to: datetime) -> None:
        """Let time pass, here and there; events wait."""
        self.stripe.pass_time(to)
        self.shop.clock.now = to


@pytest.fixture(scope="module")
def opened(world: LocalStack) -> Iterator[Till]:
    with serve_stripe(START) as (fake, address):
        configured = world.settings.model_copy(
            update={
                "stripe_api_key": SecretStr("sk_test_of_the_tests"),
                "stripe_webhook_secret": SecretStr(SECRET),
                "stripe_api_base": address,
            }
        )
        with shop(configured) as made:
            for plan in ("pro", "team"):
                change = {"stripe_price": f"price_{plan}"}
                made.work(lambda books, plan=plan, change=change: administration.change_plan(books, plan, change))
            yield Till(made, fake)
            for plan in ("pro", "team"):
                made.work(lambda books, plan=plan: administration.change_plan(books, plan, {"stripe_price": None}))


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


def test_messages_that_are_not_from_stripe_change_nothing(till: Till) -> None:
    person, ref = till.begun()
    till.stripe.give_up(ref)
    event = till.stripe.events[-1]
    payload = json.dumps(event)
    good = stripe.WebhookSignature.generate_signature_header(payload, SECRET)
    stamp, _, proof = good.partition(",")

    def post(content: str | bytes, header: str | None) -> httpx.Response:
        headers = {} if header is None else {"Stripe-Signature": header}
        return till.shop.served.client.post("/v1/billing/webhook", content=content, headers=headers)

    bad = [
        post(payload, None),
        post(payload, ""),
        post(payload, "nonsense"),
        post(payload, f"t={int(time.time()) + 1},{proof}"),
        post(payload, f"{stamp},v0={proof.removeprefix('v1=')}"),
        post(payload, f"{stamp},v1={'0' * 64}"),
        post(payload.replace("canceled", "active"), good),
        post(payload + " ", good),
        post(b"\xff\xfe", good),
        till.send(event, secret="whsec_of_somebody_else"),
        till.send(event, age_s=301),
        till.send({"id": "evt_x", "object": "event"}),
        till.send({"id": "evt_x", "object": "event", "type": [], "created": "x", "data": {"object": []}}),
    ]
    assert [reply.status_code for reply in bad] == [400] * len(bad)
    assert {reply.json()["type"] for reply in bad} == {"/problems/bad-signature"}
    assert till.shop.plan_of(person) == "pro"
    assert till.send(event, age_s=250).status_code == 200
    assert till.shop.plan_of(person) == "free"


def test_a_message_that_comes_twice_has_one_effect(till: Till) -> None:
    person, _ = till.begun()
    till.move(START + timedelta(days=31))
    events = list(till.stripe.events)
    calls = len(till.stripe.calls)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(till.send, events * 8))
    assert {reply.status_code for reply in replies} == {200}
    assert [one["total_minor"] for one in till.shop.invoices(person)] == [2900, 2900]
    till.deliver(events)
    asked = len(till.stripe.calls)
    till.deliver(events)
    assert asked >= calls
    # What had its effect is not even asked about again.
    assert len(till.stripe.calls) == asked
    count = "SELECT count(*) AS n FROM serving.billing_events WHERE event_id = ANY(:ids) AND processed_at IS NOT NULL"
    assert rows(till.shop.settings, count, ids=[one["id"] for one in events])[0]["n"] == len(events)


def test_a_message_is_taken_again_when_stripe_could_not_be_asked(till: Till) -> None:
    person, ref = till.begun()
    till.stripe.give_up(ref)
    event = till.stripe.events[-1]
    till.stripe.down = True
    assert till.send(event).status_code == 503
    assert till.shop.plan_of(person) == "pro"
    till.stripe.down = False
    assert till.send(event).status_code == 200
    assert till.shop.plan_of(person) == "free"


def test_an_old_answer_of_stripe_does_not_undo_a_newer_one(till: Till) -> None:
    from api.billing.stripe_objects import Seen
    from api.billing.stripe_provider import take

    person, ref = till.begun()
    old = json.loads(json.dumps(till.stripe.objects[ref]))
    tickets: list[int] = []
    till.shop.work(lambda books: tickets.append(books.ticket()))
    till.stripe.give_up(ref, "unpaid")
    till.deliver()
    assert till.shop.plan_of(person) == "free"
    till.shop.work(lambda books: take(books, Seen(old), tickets[0]))
    assert (till.shop.plan_of(person), till.shop.subscription(person)["status"]) == ("free", "unpaid")


def test_messages_about_others_and_of_unknown_types_are_taken_and_change_nothing(till: Till) -> None:
    base = {"object": "event", "created": int(START.timestamp())}
    stranger = till.stripe._made("sub", "subscription", metadata={}, status="active", items={"data": []})
    for number, (kind, about) in enumerate(
        [
            ("customer.subscription.updated", stranger),
            ("customer.subscription.updated", {"id": "sub_of_nobody"}),
            ("payout.paid", {"id": "po_1"}),
            ("invoice.paid", {}),
        ]
    ):
        event: Any = {**base, "id": f"evt_other_{number}_{time.time_ns()}", "type": kind, "data": {"object": about}}
        assert till.send(event).status_code == 200


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


def _reference(fake: FakeStripe, ref: str, disputed: bool, now: datetime) -> str:
    """The plan somebody must have, from the whole of Stripe's state, said once more and simply."""
    one = fake.objects[ref]
    item = one["items"]["data"][0]
    start = datetime.fromtimestamp(item["current_period_start"], now.tzinfo)
    end = datetime.fromtimestamp(item["current_period_end"], now.tzinfo)
    priced = {"price_pro": "pro", "price_team": "team"}[item["price"]["id"]]
    kept = (
        one["metadata"].get("paid_plan")
        if one["metadata"].get("paid_until") == str(item["current_period_end"])
        else None
    )
    if disputed or one["status"] in ("canceled", "unpaid"):
        return "free"
    if one["status"] == "past_due":
        return (kept or priced) if now < start + timedelta(days=7) else "free"
    if one["cancel_at_period_end"] and now >= end:
        return "free"
    return kept or priced


STEPS = (
    "upgrade",
    "downgrade",
    "cancel",
    "resume",
    "month",
    "days",
    "card fails",
    "retry",
    "give up",
    "refund",
    "dispute",
)


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_the_plan_follows_stripe_whatever_order_messages_come_in(till: Till, data: st.DataObject) -> None:
    till.reset()
    person, ref = till.begun()
    disputed = False
    for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=7)):
        match step:
            case "upgrade" | "downgrade":
                till.shop.act(person, "change", "team" if step == "upgrade" else "pro")
            case "cancel" | "resume":
                till.shop.act(person, step)
            case "month":
                till.move(till.stripe.now + timedelta(days=31))
            case "days":
                till.move(till.stripe.now + timedelta(days=5))
            case "card fails":
                till.stripe.card_works = not till.stripe.card_works
            case "retry" if till.stripe.objects[ref]["status"] == "past_due":
                till.stripe.retry(ref)
            case "give up":
                till.stripe.give_up(ref, data.draw(st.sampled_from(["canceled", "unpaid"])))
            case "refund" if not till.stripe._charge_of(till.stripe.paid_invoices(ref)[-1]["id"])["refunded"]:
                bill = till.stripe.paid_invoices(ref)[-1]["id"]
                left = till.stripe._charge_of(bill)
                till.stripe.refund(bill, left["amount"] - left["amount_refunded"])
            case "dispute":
                till.stripe.dispute(till.stripe.paid_invoices(ref)[-1]["id"])
                disputed = True
            case _:
                pass
        if data.draw(st.booleans()):
            some = data.draw(st.lists(st.sampled_from(till.stripe.events or [{}]), max_size=3))
            till.deliver([one for one in some if one])
    # Everything comes in the end, some of it twice, in any order; what we do on it makes messages of its own.
    waiting = list(till.stripe.events)
    doubled = waiting + data.draw(st.lists(st.sampled_from(waiting or [{}]), max_size=4))
    till.stripe.events.clear()
    till.deliver([one for one in data.draw(st.permutations(doubled)) if one])
    till.deliver()
    for later in (timedelta(0), timedelta(days=3), timedelta(days=8)):
        till.shop.clock.now = till.stripe.now + later
        stands = till.stripe.objects[ref]["items"]["data"][0]["current_period_end"]
        if till.shop.clock.now.timestamp() < stands:
            assert till.shop.plan_of(person) == _reference(till.stripe, ref, disputed, till.shop.clock.now)
    known = till.stripe.paid_invoices(ref)
    bills = [one for one in till.shop.invoices(person) if one["kind"] == "invoice"]
    assert sorted(one["total_minor"] for one in bills) == sorted(one["total"] for one in known)
