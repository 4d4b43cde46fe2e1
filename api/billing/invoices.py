"""Invoices and credit notes: made once, numbered without holes, never rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlmodel import Session, col, select

from api import audit
from api.billing import money, notices
from api.billing.books import Books
from api.billing.states import Period
from api.pagination import Cursors
from api.problems import Problem
from api.times import EARLIEST, format_instant
from stores.tables import BillingAccount, Invoice, InvoiceStatus, Subscription, User

INVOICES = "INV"
CREDIT_NOTES = "CN"


@dataclass(frozen=True)
class Line:
    """One line of a document, taxes included."""

    description: str
    amount_minor: int


@dataclass(frozen=True)
class Draft:
    """What an invoice shall say.

    Attributes
    ----------
    purpose : str
        ``period`` or ``upgrade``.
    provider_ref : str
        From what it is made: the same one makes one invoice.
    lines : sequence of Line
    currency : str
    period : Period
    due_at, paid_at : datetime, optional
    tax_minor : int, optional
        As the provider has it; else computed from the rate set for the instance.
    payment_ref : str, optional
    """

    purpose: str
    provider_ref: str
    lines: Sequence[Line]
    currency: str
    period: Period
    due_at: datetime | None = None
    paid_at: datetime | None = None
    tax_minor: int | None = None
    payment_ref: str | None = None


def issue(books: Books, row: Subscription, draft: Draft) -> Invoice:
    """Make an invoice and mail that it is there; one that was made from the same thing before is given back."""
    known = _made_from(books.session, row.provider, draft.provider_ref)
    if known is not None:
        return known
    total = sum(line.amount_minor for line in draft.lines)
    rate = (
        books.settings.tax_rate_bp
        if draft.tax_minor is None
        else money.rounded(draft.tax_minor * 10_000, max(total - draft.tax_minor, 1))
    )
    tax = money.tax_in(total, rate) if draft.tax_minor is None else draft.tax_minor
    invoice = Invoice(
        invoice_id=str(uuid4()),
        series=INVOICES,
        number=_next_number(books.session, INVOICES),
        kind="invoice",
        purpose=draft.purpose,
        user_id=row.user_id,
        subscription_id=row.subscription_id,
        provider=row.provider,
        provider_ref=draft.provider_ref,
        payment_ref=draft.payment_ref,
        status=(InvoiceStatus.OPEN if draft.paid_at is None else InvoiceStatus.PAID).value,
        lines=[{"description": line.description, "amount_minor": line.amount_minor} for line in draft.lines],
        currency=draft.currency,
        net_minor=total - tax,
        tax_minor=tax,
        total_minor=total,
        tax_rate_bp=rate,
        seller=_seller(books),
        buyer=_buyer(books.session, row.user_id),
        period_start=draft.period.start,
        period_end=draft.period.end,
        issued_at=books.now,
        due_at=draft.due_at,
        paid_at=draft.paid_at,
    )
    books.session.add(invoice)
    books.session.flush()
    _record(books, "invoice.issued", invoice)
    notices.invoice_made(books.session, invoice, number_of(invoice), books.now)
    return invoice


def credit(books: Books, invoice: Invoice, amount: int, *, ref: str, reason: str) -> Invoice | None:
    """Make the credit note of a refund; None if it was made before. The invoice must be locked.

    Raises
    ------
    Problem
        If more would be given back than was paid.
    """
    if _made_from(books.session, invoice.provider, ref) is not None:
        return None
    if invoice.status != InvoiceStatus.PAID or not 0 < amount <= invoice.total_minor - invoice.refunded_minor:
        left = money.shown(max(invoice.total_minor - invoice.refunded_minor, 0), invoice.currency)
        raise Problem(
            "conflict", f"of invoice {number_of(invoice)}, which is {invoice.status}, {left} is left to refund"
        )
    # Both parts together give back exactly the tax that was charged, whatever is rounded on the way.
    before = money.rounded(invoice.tax_minor * invoice.refunded_minor, invoice.total_minor)
    invoice.refunded_minor += amount
    tax = money.rounded(invoice.tax_minor * invoice.refunded_minor, invoice.total_minor) - before
    note = Invoice(
        invoice_id=str(uuid4()),
        series=CREDIT_NOTES,
        number=_next_number(books.session, CREDIT_NOTES),
        kind="credit_note",
        purpose="refund",
        corrects_id=invoice.invoice_id,
        user_id=invoice.user_id,
        subscription_id=invoice.subscription_id,
        provider=invoice.provider,
        provider_ref=ref,
        status=InvoiceStatus.PAID.value,
        lines=[{"description": reason, "amount_minor": -amount}],
        currency=invoice.currency,
        net_minor=tax - amount,
        tax_minor=-tax,
        total_minor=-amount,
        tax_rate_bp=invoice.tax_rate_bp,
        seller=invoice.seller,
        buyer=invoice.buyer,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        issued_at=books.now,
        paid_at=books.now,
    )
    books.session.add_all([invoice, note])
    books.session.flush()
    _record(books, "invoice.credited", note)
    notices.invoice_made(books.session, note, number_of(note), books.now)
    return note


def settle(books: Books, invoice: Invoice, payment_ref: str | None = None) -> None:
    """Mark an open invoice as paid."""
    invoice.status, invoice.paid_at = InvoiceStatus.PAID.value, books.now
    invoice.payment_ref = payment_ref or invoice.payment_ref
    books.session.add(invoice)
    books.session.flush()
    _record(books, "invoice.paid", invoice)


def void_open(books: Books, subscription_id: str) -> int:
    """Ask no more for what is still open of a subscription; returns how many invoices that were."""
    found = open_of(books.session, subscription_id)
    for invoice in found:
        invoice.status = InvoiceStatus.VOID.value
        books.session.add(invoice)
        _record(books, "invoice.voided", invoice)
    books.session.flush()
    return len(found)


def open_of(session: Session, subscription_id: str) -> list[Invoice]:
    """Open invoices of a subscription, oldest first."""
    query = select(Invoice).where(col(Invoice.subscription_id) == subscription_id, col(Invoice.status) == "open")
    return list(session.exec(query.order_by(col(Invoice.number))))


def locked(session: Session, invoice_id: str) -> Invoice:
    """Find and lock an invoice.

    Raises
    ------
    Problem
        If there is none.
    """
    invoice = session.get(Invoice, invoice_id, with_for_update=True, populate_existing=True)
    if invoice is None:
        raise _missing(invoice_id)
    return invoice


def read(session: Session, user_id: str, invoice_id: str) -> Invoice:
    """Read an invoice of a person.

    Raises
    ------
    Problem
        If the person has none with this id.
    """
    invoice = session.get(Invoice, invoice_id)
    if invoice is None or invoice.user_id != user_id:
        raise _missing(invoice_id)
    return invoice


def read_page(session: Session, user_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """Read a page of a person's invoices and credit notes, newest first."""
    cursors = Cursors("invoices", user_id, (int, str, int))
    key = cursors.read(cursor)
    query = select(Invoice).where(col(Invoice.user_id) == user_id)
    if key is not None:
        after = text(
            "(issued_at, series, number) < ('epoch'::timestamptz + :at * interval '1 microsecond', :series, :number)"
        )
        query = query.where(after.bindparams(at=key[0], series=key[1], number=key[2]))
    query = query.order_by(col(Invoice.issued_at).desc(), col(Invoice.series).desc(), col(Invoice.number).desc())
    found = list(session.exec(query.limit(limit + 1)))
    page = found[:limit]
    more = cursors.write(_key(page[-1])) if len(found) > limit else None
    return {"items": [shown(invoice) for invoice in page], "next_cursor": more}


def _key(invoice: Invoice) -> tuple[int, str, int]:
    return (invoice.issued_at - EARLIEST) // timedelta(microseconds=1), invoice.series, invoice.number


def number_of(invoice: Invoice) -> str:
    """A document's number as it is printed."""
    return f"{invoice.series}-{invoice.number:06d}"


def shown(invoice: Invoice) -> dict[str, Any]:
    """A document as the API shows it."""
    return {
        "invoice_id": invoice.invoice_id,
        "number": number_of(invoice),
        "kind": invoice.kind,
        "corrects": invoice.corrects_id,
        "subscription_id": invoice.subscription_id,
        "status": invoice.status,
        "lines": invoice.lines,
        "currency": invoice.currency,
        "net_minor": invoice.net_minor,
        "tax_minor": invoice.tax_minor,
        "total_minor": invoice.total_minor,
        "refunded_minor": invoice.refunded_minor,
        "period_start": format_instant(invoice.period_start),
        "period_end": format_instant(invoice.period_end),
        "issued_at": format_instant(invoice.issued_at),
        "due_at": format_instant(invoice.due_at),
        "paid_at": format_instant(invoice.paid_at),
    }


def _made_from(session: Session, provider: str, ref: str) -> Invoice | None:
    query = select(Invoice).where(col(Invoice.provider) == provider, col(Invoice.provider_ref) == ref)
    return session.exec(query).one_or_none()


def _next_number(session: Session, series: str) -> int:
    # The row stays locked until the commit: whoever comes next waits, and a number that is taken back is given again.
    return (
        session.connection()
        .execute(
            text("UPDATE serving.invoice_numbers SET last = last + 1 WHERE series = :series RETURNING last"),
            {"series": series},
        )
        .scalar_one()
    )


def _seller(books: Books) -> dict[str, str]:
    settings = books.settings
    return {
        "name": settings.seller_name,
        "address": settings.seller_address,
        "tax_id": settings.seller_tax_id,
        "tax_name": settings.tax_name,
        "payment": settings.payment_instructions,
    }


def _buyer(session: Session, user_id: str | None) -> dict[str, str]:
    user = None if user_id is None else session.get(User, user_id)
    if user is None:
        return {"name": "", "email": "", "address": "", "country": "", "tax_id": ""}
    account = session.get(BillingAccount, user_id)
    name = account.name if account is not None and account.name else user.display_name or user.email
    rest = account or BillingAccount(user_id=user.user_id, address="", country="", tax_id="")
    return {
        "name": name,
        "email": user.email,
        "address": rest.address,
        "country": rest.country,
        "tax_id": rest.tax_id,
    }


def _record(books: Books, action: str, invoice: Invoice) -> None:
    details = {"number": number_of(invoice), "total_minor": invoice.total_minor, "currency": invoice.currency}
    audit.record(
        books.session, books.actor, action, target=f"invoice:{invoice.invoice_id}", now=books.now, details=details
    )


def _missing(invoice_id: str) -> Problem:
    return Problem("not-found", f"there is no invoice {invoice_id}")
