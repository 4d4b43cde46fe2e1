"""A stand-in for Stripe: its own clock, the endpoints the platform calls, and the events that follow from them.

It is asked through Stripe's real SDK. Objects have the shape of the API version the SDK is made for, as far as they are
read here. Events are kept, not sent: tests deliver them, signed, in whatever order and as often as they like.
"""

from __future__ import annotations

import itertools
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.billing.money import prorated
from api.billing.states import after

Object = dict[str, Any]
PRICES = {"price_pro": 2900, "price_team": 9900, "price_large": 19900}


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, kind: str, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, "code": code}}


class FakeStripe:
    """All of Stripe's state. Only the methods without an underscore are for tests."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.objects: dict[str, Object] = {}
        self.events: list[Object] = []
        self.calls: list[str] = []
        self.down = False
        self.card_works = True
        self._answers: dict[str, tuple[str, int, Object]] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    # What happens at Stripe.

    def check_out(self, session_id: str, *, with_card: bool = True) -> Object:
        """Somebody fills in the checkout page; the subscription begins."""
        session = self.objects[session_id]
        wanted = session["_wanted"]
        start, trial = self._seconds(), int(wanted.get("trial_period_days") or 0)
        end = start + trial * 86_400 if trial else self._after(start)
        subscription = self._made(
            "sub",
            "subscription",
            customer=session["customer"],
            status="trialing" if trial else "active",
            metadata=wanted.get("metadata", {}),
            cancel_at_period_end=False,
            canceled_at=None,
            ended_at=None,
            trial_end=end if trial else None,
            latest_invoice=None,
            items={"object": "list", "data": [self._item(session["_price"], start, end)]},
            _card=with_card,
        )
        session |= {"status": "complete", "subscription": subscription["id"], "url": None}
        self._tell("customer.subscription.created", subscription)
        self._bill(subscription, "subscription_create", 0 if trial else PRICES[session["_price"]], start, end)
        self._tell("checkout.session.completed", session)
        return subscription

    def pass_time(self, to: datetime) -> None:
        """Move the clock; trials and periods end as they come."""
        while True:
            due = [one for one in self._all("subscription") if self._is_due(one, to)]
            if not due:
                break
            subscription = min(due, key=lambda one: one["items"]["data"][0]["current_period_end"])
            self._renew(subscription)
        self.now = max(self.now, to)

    def retry(self, subscription_id: str) -> None:
        """Try again to take what is owed."""
        subscription = self.objects[subscription_id]
        invoice = self.objects[subscription["latest_invoice"]]
        self._charge(subscription, invoice)

    def give_up(self, subscription_id: str, status: str = "canceled") -> None:
        """Stop trying, as the account's settings say."""
        self._stop(self.objects[subscription_id], status)

    def dispute(self, invoice_id: str) -> Object:
        """The bank takes the money of an invoice back."""
        charge = self._charge_of(invoice_id)
        dispute = self._made("dp", "dispute", charge=charge["id"], amount=charge["amount"], status="needs_response")
        self._tell("charge.dispute.created", dispute)
        return dispute

    def win(self, dispute_id: str) -> None:
        """The dispute is decided for the platform."""
        self.objects[dispute_id]["status"] = "won"
        self._tell("charge.dispute.closed", self.objects[dispute_id])

    def refund(self, invoice_id: str, amount: int | None = None) -> None:
        """Somebody gives money back on Stripe's own pages."""
        charge = self._charge_of(invoice_id)
        self._refund({"payment_intent": charge["payment_intent"], "amount": amount or charge["amount"]})

    def paid_invoices(self, subscription_id: str) -> list[Object]:
        """Invoices of a subscription over more than nothing that are paid, oldest first."""
        return [
            one
            for one in self._all("invoice")
            if one["status"] == "paid" and one["total"] and one["_subscription"] == subscription_id
        ]

    # How it is done.

    def _seconds(self) -> int:
        return int(self.now.timestamp())

    def _after(self, seconds: int) -> int:
        return int(after(datetime.fromtimestamp(seconds, UTC), "month").timestamp())

    def _made(self, prefix: str, kind: str, **values: Any) -> Object:
        made = {
            "id": f"{prefix}_{next(self._ids):06d}",
            "object": kind,
            "created": self._seconds(),
            "livemode": False,
            **values,
        }
        self.objects[made["id"]] = made
        return made

    def _all(self, kind: str) -> list[Object]:
        return [one for one in list(self.objects.values()) if one["object"] == kind]

    def _item(self, price: str, start: int, end: int) -> Object:
        return {
            "id": f"si_{next(self._ids):06d}",
            "object": "subscription_item",
            "price": {"id": price, "object": "price", "unit_amount": PRICES[price]},
            "quantity": 1,
            "current_period_start": start,
            "current_period_end": end,
        }

    def _tell(self, kind: str, about: Object) -> None:
        event = {
            "id": f"evt_{next(self._ids):06d}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": self._seconds(),
            "type": kind,
            "data": {"object": shown(about)},
        }
        self.events.append(event)

    def _is_due(self, subscription: Object, to: datetime) -> bool:
        end = subscription["items"]["data"][0]["current_period_end"]
        return subscription["status"] in ("trialing", "active") and end <= to.timestamp()

    def _renew(self, subscription: Object) -> None:
        item = subscription["items"]["data"][0]
        end = item["current_period_end"]
        self.now = max(self.now, datetime.fromtimestamp(end, UTC))
        no_card = subscription["status"] == "trialing" and not subscription["_card"]
        if subscription["cancel_at_period_end"] or no_card:
            self._stop(subscription, "canceled")
            return
        item["current_period_start"], item["current_period_end"] = end, self._after(end)
        subscription["status"] = "active"
        self._tell("customer.subscription.updated", subscription)
        amount = item["price"]["unit_amount"]
        self._bill(subscription, "subscription_cycle", amount, end, item["current_period_end"])

    def _stop(self, subscription: Object, status: str) -> None:
        subscription["status"] = status
        if status == "canceled":
            subscription["canceled_at"] = subscription["ended_at"] = self._seconds()
            self._tell("customer.subscription.deleted", subscription)
        else:
            self._tell("customer.subscription.updated", subscription)

    def _bill(self, subscription: Object, reason: str, amount: int, start: int, end: int) -> Object:
        tax = amount - round(amount / 1.19)
        invoice = self._made(
            "in",
            "invoice",
            status="open",
            billing_reason=reason,
            total=amount,
            total_excluding_tax=amount - tax,
            currency="eur",
            attempt_count=0,
            customer=subscription["customer"],
            parent={"type": "subscription_details", "subscription_details": {"subscription": subscription["id"]}},
            status_transitions={"paid_at": None},
            lines={
                "object": "list",
                "data": [
                    {"description": "1 x Plan", "amount": amount, "period": {"start": start, "end": end}},
                ],
            },
            _subscription=subscription["id"],
        )
        subscription["latest_invoice"] = invoice["id"]
        self._charge(subscription, invoice)
        return invoice

    def _charge(self, subscription: Object, invoice: Object) -> None:
        invoice["attempt_count"] += 1
        if invoice["total"] > 0 and not self.card_works:
            self._tell("invoice.payment_failed", invoice)
            if subscription["status"] != "past_due":
                subscription["status"] = "past_due"
                self._tell("customer.subscription.updated", subscription)
            return
        invoice["status"], invoice["status_transitions"] = "paid", {"paid_at": self._seconds()}
        if invoice["total"] > 0:
            intent = f"pi_{next(self._ids):06d}"
            charge = self._made(
                "ch", "charge", amount=invoice["total"], amount_refunded=0, refunded=False, payment_intent=intent
            )
            self._made(
                "inpay",
                "invoice_payment",
                invoice=invoice["id"],
                status="paid",
                payment={"type": "payment_intent", "payment_intent": intent},
                _charge=charge["id"],
            )
        self._tell("invoice.paid", invoice)
        if subscription["status"] in ("past_due", "unpaid"):
            subscription["status"] = "active"
            self._tell("customer.subscription.updated", subscription)

    def _charge_of(self, invoice_id: str) -> Object:
        payment = next(one for one in self._all("invoice_payment") if one["invoice"] == invoice_id)
        return self.objects[payment["_charge"]]

    def _refund(self, form: Object) -> Object:
        charge = next(one for one in self._all("charge") if one["payment_intent"] == form["payment_intent"])
        amount = int(form["amount"])
        if amount > charge["amount"] - charge["amount_refunded"]:
            raise Refusal(400, "invalid_request_error", "greater than what is left")
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        refund = self._made("re", "refund", charge=charge["id"], amount=amount, status="succeeded")
        self._tell("charge.refunded", charge)
        return refund

    # The endpoints.

    def answer(self, method: str, path: str, form: Object, key: str | None) -> tuple[int, Object]:
        """Answer one call. A repeated key gets the first answer."""
        with self._lock:
            if self.down:
                return 503, {"error": {"type": "api_error", "message": "down"}}
            asked = json.dumps([method, path, form], sort_keys=True)
            known = self._answers.get(key or "")
            if known is not None:
                if known[0] != asked:
                    return 400, {"error": {"type": "idempotency_error", "message": "key used for another request"}}
                return known[1], known[2]
            self.calls.append(f"{method} {path}")
            try:
                status, body = 200, shown(self._route(method, path, form))
            except Refusal as refusal:
                status, body = refusal.status, refusal.body
            if key and method == "POST":
                self._answers[key] = (asked, status, deepcopy(body))
            return status, body

    def _route(self, method: str, path: str, form: Object) -> Object:
        routes: list[tuple[str, str, Callable[..., Object]]] = [
            ("POST", r"/v1/customers", lambda: self._made("cus", "customer", **form)),
            ("POST", r"/v1/checkout/sessions", lambda: self._open_checkout(form)),
            ("GET", r"/v1/checkout/sessions/(\w+)", self._get),
            ("POST", r"/v1/checkout/sessions/(\w+)/expire", self._expire),
            ("POST", r"/v1/billing_portal/sessions", lambda: self._portal(form)),
            ("GET", r"/v1/subscriptions/(\w+)", self._get),
            ("POST", r"/v1/subscriptions/(\w+)", lambda ref: self._update(ref, form)),
            ("DELETE", r"/v1/subscriptions/(\w+)", self._cancel),
            ("GET", r"/v1/invoices/(\w+)", self._get),
            ("GET", r"/v1/charges/(\w+)", self._get),
            ("GET", r"/v1/disputes/(\w+)", self._get),
            ("GET", r"/v1/invoice_payments", lambda: self._payments(form)),
            ("GET", r"/v1/refunds", lambda: self._list("refund", charge=form.get("charge"))),
            ("POST", r"/v1/refunds", lambda: self._refund(form)),
        ]
        for verb, pattern, work in routes:
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                return work(*match.groups())
        raise Refusal(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path})")

    def _get(self, ref: str) -> Object:
        if ref not in self.objects:
            raise Refusal(404, "invalid_request_error", f"No such object: '{ref}'", "resource_missing")
        return self.objects[ref]

    def _list(self, kind: str, **filters: Any) -> Object:
        found = [one for one in self._all(kind) if all(one[name] == value for name, value in filters.items())]
        return {"object": "list", "data": [shown(one) for one in found], "has_more": False, "url": "/v1/list"}

    def _payments(self, form: Object) -> Object:
        if "payment" in form:
            return self._list("invoice_payment", payment=form["payment"])
        return self._list("invoice_payment", invoice=form["invoice"], status=form.get("status", "paid"))

    def _open_checkout(self, form: Object) -> Object:
        made = self._made("cs", "checkout.session", status="open", customer=form["customer"], subscription=None)
        made["client_reference_id"] = form.get("client_reference_id")
        made["_wanted"], made["_price"] = form.get("subscription_data", {}), form["line_items"][0]["price"]
        made["url"] = f"https://checkout.stripe.test/{made['id']}"
        return made

    def _expire(self, ref: str) -> Object:
        session = self._get(ref)
        if session["status"] != "open":
            raise Refusal(400, "invalid_request_error", "only an open session can be expired")
        session |= {"status": "expired", "url": None}
        return session

    def _portal(self, form: Object) -> Object:
        return self._made("bps", "billing_portal.session", url=f"https://billing.stripe.test/{form['customer']}")

    def _update(self, ref: str, form: Object) -> Object:
        subscription = self._get(ref)
        if subscription["status"] == "canceled":
            raise Refusal(400, "invalid_request_error", "A canceled subscription can only update its metadata")
        item = subscription["items"]["data"][0]
        price = form.get("items", [{}])[0].get("price", item["price"]["id"])
        owed = 0
        if form.get("proration_behavior") == "always_invoice":
            start, end, now = (
                datetime.fromtimestamp(one, UTC)
                for one in (item["current_period_start"], item["current_period_end"], self._seconds())
            )
            owed = prorated(PRICES[price], now, start, end) - prorated(item["price"]["unit_amount"], now, start, end)
            if owed > 0 and not self.card_works and form.get("payment_behavior") == "error_if_incomplete":
                raise Refusal(402, "card_error", "Your card was declined.", "card_declined")
        item["price"] = {"id": price, "object": "price", "unit_amount": PRICES[price]}
        if "cancel_at_period_end" in form:
            subscription["cancel_at_period_end"] = form["cancel_at_period_end"] == "true"
        for name, value in (form.get("metadata") or {}).items():
            subscription["metadata"] = {**subscription["metadata"], name: value}
            if value == "":
                del subscription["metadata"][name]
        if owed > 0:
            self._bill(subscription, "subscription_update", owed, self._seconds(), item["current_period_end"])
        self._tell("customer.subscription.updated", subscription)
        return subscription

    def _cancel(self, ref: str) -> Object:
        subscription = self._get(ref)
        if subscription["status"] == "canceled":
            raise Refusal(404, "invalid_request_error", f"No such subscription: '{ref}'", "resource_missing")
        self._stop(subscription, "canceled")
        return subscription


def shown(one: Object) -> Object:
    """An object without what only the stand-in knows, as it is at this moment."""
    return deepcopy({name: value for name, value in one.items() if not name.startswith("_")})


def _form(text: str) -> Object:
    """Read the nested form encoding of Stripe's SDK: ``items[0][price]=...``."""
    found: Object = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        parts = re.findall(r"[^\[\]]+", name)
        place = found
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    return _lists(found)


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    read = {name: _lists(one) for name, one in value.items()}
    return list(read.values()) if read and all(name.isdigit() for name in read) else read


@contextmanager
def serve_stripe(now: datetime) -> Iterator[tuple[FakeStripe, str]]:
    """Run the stand-in behind a real server; gives it and its address."""
    fake = FakeStripe(now)

    async def answer(request: Request) -> Response:
        text = (await request.body()).decode() or request.url.query
        status, body = fake.answer(
            request.method, request.url.path, _form(text), request.headers.get("idempotency-key")
        )
        return JSONResponse(body, status)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield fake, f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)
