"""Invoices as PDF. The same document gives the same bytes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from api.billing import money
from api.billing.invoices import number_of
from stores.tables import Invoice, InvoiceStatus

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

_TITLES = {"invoice": "Invoice", "credit_note": "Credit note"}


def render(invoice: Invoice, corrects: str | None = None) -> bytes:
    """Write a document.

    Parameters
    ----------
    invoice : Invoice
    corrects : str, optional
        Number of the invoice a credit note belongs to.
    """
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    into = BytesIO()
    document = SimpleDocTemplate(
        into,
        pagesize=A4,
        leftMargin=22 * mm,
        rightMargin=22 * mm,
        topMargin=20 * mm,
        bottomMargin=20 * mm,
        title=f"{_TITLES[invoice.kind]} {number_of(invoice)}",
        author=_text(invoice.seller["name"]),
        invariant=1,
    )
    document.build(_story(invoice, corrects))
    return into.getvalue()


def _text(value: str) -> str:
    """What the document's fonts can show of a text; anything else becomes a question mark."""
    return value.encode("cp1252", "replace").decode("cp1252")


def _safe(value: str) -> str:
    from xml.sax.saxutils import escape

    # A paragraph reads markup: what people wrote must not become any.
    return escape(_text(value)).replace("\n", "<br/>")


def _story(invoice: Invoice, corrects: str | None) -> list[Flowable]:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.platypus import Paragraph, Spacer

    normal = ParagraphStyle("normal", fontName="Helvetica", fontSize=9.5, leading=14)
    small = ParagraphStyle("small", parent=normal, fontSize=8.5, leading=12, textColor=HexColor(0x555555))
    title = ParagraphStyle("title", parent=normal, fontName="Helvetica-Bold", fontSize=18, leading=24)
    seller = "\n".join(part for part in (invoice.seller["address"], invoice.seller["tax_id"]) if part)
    buyer = [invoice.buyer[name] for name in ("name", "address", "country", "tax_id", "email")]
    about = [f"{_TITLES[invoice.kind]} {number_of(invoice)}", f"Date: {invoice.issued_at:%Y-%m-%d}"]
    if corrects is not None:
        about.append(f"Corrects invoice {corrects}")
    if invoice.period_start is not None and invoice.period_end is not None:
        about.append(f"Period: {invoice.period_start:%Y-%m-%d} to {invoice.period_end:%Y-%m-%d}")
    parts: list[Flowable] = [
        Paragraph(f"<b>{_safe(invoice.seller['name'])}</b>", normal),
        Paragraph(_safe(seller), small),
        Spacer(1, 14 * mm),
        Paragraph(_safe("\n".join(dict.fromkeys(part for part in buyer if part))), normal),
        Spacer(1, 12 * mm),
        Paragraph(_safe(f"{_TITLES[invoice.kind]} {number_of(invoice)}"), title),
        Spacer(1, 2 * mm),
        *(Paragraph(_safe(line), normal) for line in about[1:]),
        Spacer(1, 8 * mm),
        _table(invoice, normal),
        Spacer(1, 10 * mm),
    ]
    parts.extend(Paragraph(_safe(line), normal) for line in _payment(invoice))
    return parts


def _table(invoice: Invoice, normal: Any) -> Flowable:
    from reportlab.lib.units import mm
    from reportlab.platypus import Paragraph, Table, TableStyle

    def sum_of(amount: int) -> str:
        return money.shown(amount, invoice.currency)

    rows: list[list[Any]] = [["Description", "Amount"]]
    rows += [[Paragraph(_safe(line["description"]), normal), sum_of(line["amount_minor"])] for line in invoice.lines]
    lines = len(rows)
    if invoice.tax_minor:
        rate = f"{invoice.tax_rate_bp / 100:g} %"
        rows.append(["Net", sum_of(invoice.net_minor)])
        rows.append([f"{_text(invoice.seller['tax_name'])} {rate}", sum_of(invoice.tax_minor)])
    rows.append(["Total", sum_of(invoice.total_minor)])
    grey = "#999999"
    style = [
        ("FONT", (0, 0), (-1, -1), "Helvetica", 9.5),
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 9.5),
        ("FONT", (0, -1), (-1, -1), "Helvetica-Bold", 10.5),
        ("ALIGN", (1, 0), (1, -1), "RIGHT"),
        ("ALIGN", (0, lines), (0, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, "#222222"),
        ("LINEBELOW", (0, lines - 1), (-1, lines - 1), 0.5, grey),
        ("LINEABOVE", (0, -1), (-1, -1), 0.5, grey),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]
    return Table(rows, colWidths=[126 * mm, 40 * mm], style=TableStyle(style), repeatRows=1)


def _payment(invoice: Invoice) -> list[str]:
    if invoice.kind == "credit_note":
        return ["This sum is given back by the way it was paid."]
    if invoice.status == InvoiceStatus.PAID and invoice.paid_at is not None:
        return [f"Paid on {invoice.paid_at:%Y-%m-%d}. Thank you."]
    if invoice.status == InvoiceStatus.VOID:
        return ["This invoice is void: nothing is to be paid."]
    due = "" if invoice.due_at is None else f" by {invoice.due_at:%Y-%m-%d}"
    return [f"Please pay{due}, and name {number_of(invoice)}.", invoice.seller["payment"]]
