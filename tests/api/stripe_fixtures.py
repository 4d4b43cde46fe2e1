"""The shop with Stripe behind it: one clock for both, and events delivered as a test likes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx
import stripe
from pydantic import SecretStr

from api.billing import administration
from stores.settings import Settings
from tests.api.billing_fixtures import START, Shop, shop, sql
from tests.api.people import Person
from tests.billing_provider.fake_stripe import FakeStripe, Object, serve_stripe

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


@contextmanager
def till_over(stores: Settings) -> Iterator[Till]:
    """Open a shop whose payments go through the stand-in for Stripe."""
    with serve_stripe(START) as (fake, address):
        configured = stores.model_copy(
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
