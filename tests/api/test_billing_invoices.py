"""Invoices: numbers without holes, sums that add up, documents that stay as they are, and their PDF."""

from __future__ import annotations

import re
import zlib
from base64 import a85decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from api.billing import administration, invoices
from api.billing.books import Books
from api.billing.invoices import Draft, Line
from api.billing.states import Period
from deploy.local.stack import LocalStack
from stores import database
from stores.tables import Invoice, Subscription
from tests.api.billing_fixtures import START, Shop, shop
from tests.api.delivery_fixtures import rows
from tests.api.people import Person

EVERYTHING = "SELECT series, number FROM serving.invoices ORDER BY series, number"


@pytest.fixture(scope="module")
def opened(world: LocalStack) -> Iterator[Shop]:
    taxed = world.settings.model_copy(
        update={
            "tax_rate_bp": 1900,
            "seller_name": "Signals & Söhne <GmbH>",
            "seller_address": "Hauptstraße 1\n10115 Berlin",
            "seller_tax_id": "DE123456789",
            "payment_instructions": "IBAN DE02 1203 0000 0000 2020 51",
        }
    )
    with shop(taxed) as made:
        yield made


@pytest.fixture
def here(opened: Shop) -> Shop:
    opened.clock.now = START
    return opened


def _billed(here: Shop) -> Person:
    """Somebody with one open invoice."""
    person = here.person()
    here.ask(
        person,
        "PUT",
        "/v1/billing/details",
        json={"name": "<b>Käufer</b> & Co", "address": "1 High Street\nLondon", "country": "GB", "tax_id": "GB1"},
    )
    here.subscribe(person)
    here.move(days=15)
    here.subscribe(person)
    return person


def _issue(books: Books, subscription_id: str, ref: str) -> Invoice:
    row = books.session.get_one(Subscription, subscription_id)
    period = Period("pro", START, START + timedelta(days=31))
    return invoices.issue(books, row, Draft("period", ref, [Line("Pro", 2900)], "EUR", period))


def test_numbers_have_no_holes_whatever_is_taken_back(here: Shop) -> None:
    person = _billed(here)
    held = here.subscription(person)["subscription_id"]

    def make(number: int) -> None:
        def work(books: Books) -> None:
            _issue(books, held, f"parallel:{number}")
            if number % 3 == 0:
                raise ZeroDivisionError

        try:
            here.work(work)
        except ZeroDivisionError:
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(24)))
    given = [row["number"] for row in rows(here.settings, EVERYTHING) if row["series"] == "INV"]
    assert given == list(range(1, len(given) + 1))
    made = "SELECT count(*) AS n FROM serving.invoices WHERE provider_ref LIKE 'parallel:%'"
    assert rows(here.settings, made)[0]["n"] == 16


def test_sums_add_up_and_taxes_are_within(here: Shop) -> None:
    person = _billed(here)
    bill = here.invoices(person)[0]
    assert (bill["net_minor"], bill["tax_minor"], bill["total_minor"]) == (2437, 463, 2900)
    here.work(lambda books: administration.confirm_payment(books, bill["invoice_id"]))
    for amount in (1000, 950, None):
        here.work(lambda books, amount=amount: administration.refund(books, bill["invoice_id"], amount, "back"))
    everything = here.invoices(person)
    assert len(everything) == 4
    for part in ("net_minor", "tax_minor", "total_minor"):
        assert sum(one[part] for one in everything) == 0


def test_the_database_keeps_what_a_document_says(here: Shop) -> None:
    person = _billed(here)
    bill = here.invoices(person)[0]["invoice_id"]
    engine = database.engine(here.settings, pool_size=1)
    for statement in (
        f"UPDATE serving.invoices SET total_minor = 1, net_minor = 1, tax_minor = 0 WHERE invoice_id = '{bill}'",
        f"UPDATE serving.invoices SET number = 999999 WHERE invoice_id = '{bill}'",
        f"UPDATE serving.invoices SET buyer = '{{}}' WHERE invoice_id = '{bill}'",
        f"DELETE FROM serving.invoices WHERE invoice_id = '{bill}'",
        "TRUNCATE serving.invoices",
    ):
        with pytest.raises(DBAPIError, match="stays as it was written"), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _words(pdf: bytes) -> str:
    """What is written in a PDF of reportlab's, in the order it is drawn."""
    found: list[str] = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        data = zlib.decompress(a85decode(stream.strip().removesuffix(b"~>")))
        found += [
            re.sub(
                rb"\\(\d{3}|.)", lambda match: bytes([int(match[1], 8)]) if len(match[1]) == 3 else match[1], text
            ).decode("cp1252")
            for text in re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", data)
        ]
    # A character with a meaning of its own in markup is drawn apart.
    return "".join(found)


def test_the_pdf_says_what_the_invoice_says(here: Shop) -> None:
    person = _billed(here)
    bill = here.invoices(person)[0]
    path = f"/v1/invoices/{bill['invoice_id']}/pdf"
    reply = here.ask(person, "GET", path)
    assert reply.headers["content-type"] == "application/pdf"
    assert reply.headers["content-disposition"] == f'attachment; filename="{bill["number"]}.pdf"'
    assert reply.content == here.ask(person, "GET", path).content
    words = _words(reply.content)
    for part in (
        bill["number"],
        "Signals & Söhne <GmbH>",
        "Hauptstraße 1",
        "DE123456789",
        "<b>Käufer</b> & Co",
        "1 High Street",
        person.email,
        "24.37 EUR",
        "VAT 19 %",
        "4.63 EUR",
        "29.00 EUR",
        "IBAN DE02",
        "2027-03-25",
    ):
        assert part in words, f"{part} is not in:\n{words}"
    here.work(lambda books: administration.confirm_payment(books, bill["invoice_id"]))
    assert "Paid on 2027-03-25" in _words(here.ask(person, "GET", path).content)
    note = here.work(lambda books: administration.refund(books, bill["invoice_id"], 100, "a gift"))
    words = _words(here.ask(person, "GET", f"/v1/invoices/{note['invoice_id']}/pdf").content)
    assert f"Corrects invoice {bill['number']}" in words
    assert "-1.00 EUR" in words


def test_a_name_no_font_of_the_document_has_is_no_fault(here: Shop) -> None:
    person = here.person()
    details = {"name": "株式会社 " + "x" * 190, "address": "y" * 500}
    assert here.ask(person, "PUT", "/v1/billing/details", json=details).status_code == 200
    here.subscribe(person)
    here.move(days=12)
    bill = here.invoices(person)[0]["invoice_id"]
    assert here.ask(person, "GET", f"/v1/invoices/{bill}/pdf").status_code == 200


def test_pages_of_invoices_miss_nothing(here: Shop) -> None:
    person = _billed(here)
    held = here.subscription(person)["subscription_id"]
    # Several at one instant, as a worker makes them.
    here.work(lambda books: [_issue(books, held, f"page:{number}") for number in range(6)])
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = "" if cursor is None else f"&cursor={cursor}"
        page = here.ask(person, "GET", f"/v1/invoices?limit=2{query}").json()
        seen += [one["number"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


def test_details_take_nothing_else(here: Shop) -> None:
    person = here.person()
    for body in ({"stripe_customer": "cus_1"}, {"user_id": person.user_id}, {"country": "XXX"}, {"name": "a\x00b"}):
        assert here.ask(person, "PUT", "/v1/billing/details", json=body).status_code == 422
    assert here.ask(person, "GET", "/v1/billing/details").json()["name"] == ""
