"""Invoices of the caller."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from sqlmodel import Session
from starlette.responses import Response

from api.billing import invoice_pdf, invoices
from api.billing.schemas import InvoiceShown
from api.dependencies import ContextDependency
from api.parameters import CursorParameter
from api.problems import documented
from api.replies import json_reply
from api.schemas import Page
from api.security.access import signed_in
from api.security.principal import PrincipalDependency, Scope
from stores.tables import Invoice

router = APIRouter(prefix="/v1/invoices", tags=["billing"])

_READ = signed_in(Scope.BILLING_READ)
_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_OF_ONE = documented("not-found", *_ALWAYS)
_PDF = "application/pdf"

InvoiceId = Annotated[UUID, Path(description="`invoice_id` of the invoice.")]


@router.get(
    "",
    dependencies=[_READ],
    operation_id="listInvoices",
    response_model=Page[InvoiceShown],
    summary="Invoices",
    responses=documented("invalid-cursor", *_ALWAYS),
)
async def list_invoices(
    context: ContextDependency,
    who: PrincipalDependency,
    limit: Annotated[int, Query(ge=1, le=100, description="Most documents in the page.")] = 50,
    cursor: CursorParameter = None,
) -> Response:
    """List your invoices and credit notes, newest first."""
    return json_reply(
        await context.stores.in_session(lambda session: invoices.read_page(session, who.person, limit, cursor))
    )


@router.get(
    "/{invoice_id}",
    dependencies=[_READ],
    operation_id="getInvoice",
    response_model=InvoiceShown,
    summary="One invoice",
    responses=_OF_ONE,
)
async def get_invoice(context: ContextDependency, who: PrincipalDependency, invoice_id: InvoiceId) -> Response:
    """Show one of your invoices."""
    return json_reply(
        await context.stores.in_session(
            lambda session: invoices.shown(invoices.read(session, who.person, str(invoice_id)))
        )
    )


@router.get(
    "/{invoice_id}/pdf",
    dependencies=[_READ],
    operation_id="getInvoicePdf",
    response_class=Response,
    summary="One invoice as PDF",
    responses={200: {"content": {_PDF: {"schema": {"type": "string", "format": "binary"}}}}, **_OF_ONE},
)
async def get_invoice_pdf(context: ContextDependency, who: PrincipalDependency, invoice_id: InvoiceId) -> Response:
    """Download one of your invoices."""

    def work(session: Session) -> tuple[str, bytes]:
        invoice = invoices.read(session, who.person, str(invoice_id))
        corrected = None if invoice.corrects_id is None else session.get(Invoice, invoice.corrects_id)
        corrects = None if corrected is None else invoices.number_of(corrected)
        return invoices.number_of(invoice), invoice_pdf.render(invoice, corrects)

    number, content = await context.stores.in_session(work)
    headers = {"Content-Disposition": f'attachment; filename="{number}.pdf"', "Cache-Control": "private, no-store"}
    return Response(content, headers=headers, media_type=_PDF)
