"""Messages of Stripe: only its own, each with one effect, in whatever order they come."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import stripe
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deploy.local.stack import LocalStack
from tests.api.billing_fixtures import START
from tests.api.delivery_fixtures import rows
from tests.api.stripe_fixtures import SECRET, Till, till_over
from tests.billing_provider.fake_stripe import FakeStripe


@pytest.fixture(scope="module")
def opened(world: LocalStack) -> Iterator[Till]:
    with till_over(world.settings) as made:
        yield made


@pytest.fixture
def till(opened: Till) -> Till:
    opened.reset()
    return opened


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
