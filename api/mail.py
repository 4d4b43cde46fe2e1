"""Mails to people, handed to the outbox; they are written and sent by the worker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session

from api.mails import rendering
from api.outbox import Topic, enqueue

_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f<>,;:\"()\[\]\\]{1,64}@[^@\s\x00-\x1f\x7f<>,;:\"()\[\]\\]{1,255}")


class BadAddress(ValueError):
    """Text that is no single e-mail address."""


class Template(StrEnum):
    """What a mail says."""

    VERIFY_EMAIL = "verify_email"
    ADDRESS_IN_USE = "address_in_use"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a mail
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a mail
    NEW_SIGN_IN = "new_sign_in"
    ACCOUNT_LOCKED = "account_locked"
    REFRESH_REUSED = "refresh_reused"
    SECOND_FACTOR_CHANGED = "second_factor_changed"
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGED = "email_changed"
    TRIAL_ENDING = "trial_ending"
    PAYMENT_FAILED = "payment_failed"
    SUBSCRIPTION_ENDED = "subscription_ended"
    INVOICE = "invoice"
    INVOICE_DUE = "invoice_due"
    WEBHOOK_DISABLED = "webhook_disabled"
    ALERT = "alert"
    DELETION_REQUESTED = "deletion_requested"


def queue_mail(
    session: Session,
    to: str,
    template: Template,
    context: Mapping[str, Any],
    *,
    key: str,
    now: datetime,
    available_at: datetime | None = None,
    locale: str = "en",
) -> bool:
    """Send a mail once the session is committed.

    Parameters
    ----------
    session : Session
    to : str
        Address.
    template : Template
    context : mapping
        What the template names (``{name}`` in its text in ``api/mails/en``). A link's token is in it: the row is deleted
        once the mail is sent.
    key : str
        Unique among mails.
    now : datetime
    available_at : datetime, optional
    locale : str
        Tag of the reader's language.

    Raises
    ------
    BadAddress
        If ``to`` is not one plain address; it would become part of a header.
    MissingValue
        If the template names what is not in the context.
    """
    if not _ADDRESS.fullmatch(to):
        raise BadAddress("a mail goes to one plain address, as in name@example.com")
    rendering.check(template.value, context, locale)
    payload = {"to": to, "template": template.value, "context": dict(context), "locale": locale}
    return enqueue(
        session, Topic.MAIL, payload, key=key, now=now, available_at=available_at, destination=destination_of(to)
    )


def destination_of(to: str) -> str:
    """Queue of an address: a domain that takes nothing for a while delays nobody else's mail."""
    return to.rpartition("@")[2].lower()
