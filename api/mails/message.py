"""A mail as it goes over the wire: headers, text and HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import urlsplit

from api.mails.rendering import render
from stores.settings import Settings

_WHOLE = ("message-id", "list-unsubscribe")


class _Policy(EmailPolicy):
    """Leaves the headers that programs read on one line: the library would encode a long address as if it were prose."""

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}" if name.lower() in _WHOLE else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii") if name.lower() in _WHOLE else super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n")


class BadMail(ValueError):
    """A mail that can never be sent as it is."""


def compose(payload: Mapping[str, Any], settings: Settings, *, key: str, now: datetime) -> EmailMessage:
    """Write the mail of an outbox row.

    Parameters
    ----------
    payload : mapping
        ``to``, ``template``, ``context``, ``locale``; ``unsubscribe`` if one click may end such mails.
    settings : Settings
    key : str
        Of the row. The same row gives the same Message-ID, so that a mail sent twice can be told from two mails.
    now : datetime

    Raises
    ------
    MissingValue
        If the mail names what it is not given.
    BadMail
        If a header would not be one line.
    """
    written = render(
        payload["template"],
        payload["context"],
        public_url=settings.public_url,
        locale=payload.get("locale", "en"),
    )
    host = urlsplit(settings.public_url).hostname or "localhost"
    message = EmailMessage(policy=_POLICY)
    try:
        message["From"] = settings.mail_from
        message["To"] = payload["to"]
        message["Subject"] = written.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{host}>"
        # Answering machines must not answer.
        message["Auto-Submitted"] = "auto-generated"
        unsubscribe = payload.get("unsubscribe")
        if unsubscribe:
            message["List-Unsubscribe"] = f"<{settings.public_url.rstrip('/')}{unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    except ValueError as error:
        raise BadMail(f"a header of the mail is not one line: {error}") from None
    # Plain base64 or quoted-printable: not every server on the way takes eight bits.
    message.set_content(written.text, cte="quoted-printable")
    message.add_alternative(written.html, subtype="html", cte="quoted-printable")
    return message


def sender_of(settings: Settings) -> str:
    """Bare address that mails come from."""
    return parseaddr(settings.mail_from)[1]
