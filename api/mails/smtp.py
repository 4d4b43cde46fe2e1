"""Hands mails to a mail server, and tells what may be tried again from what never will be taken."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

_TIMEOUT_S = 20.0
_FORM = "write it as smtp://user:password@host:587 or smtps://user:password@host:465"


class BadSmtpUrl(ValueError):
    """``CAP_SMTP_URL`` cannot be used."""


class MailDeferred(Exception):
    """The mail was not taken now; it may be later."""


class MailRefused(Exception):
    """The mail will never be taken: there is no such address, or what it says is refused."""


class Encryption(StrEnum):
    """How a connection is protected."""

    TLS = "tls"
    """From the first byte on."""
    REQUIRED = "required"
    """By STARTTLS, and without it nothing is said."""
    NEVER = "never"


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over.

    Attributes
    ----------
    host : str
    port : int
    encryption : Encryption
    user, password : str
        Empty for none.
    authority : str, optional
        File of the certificate authority, for a server whose certificate no public one signed.
    """

    host: str
    port: int
    encryption: Encryption
    user: str
    password: str
    authority: str | None = None

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"

    @classmethod
    def parse(cls, url: str) -> MailServer:
        """Read ``CAP_SMTP_URL``.

        ``smtps://`` is encrypted from the start. ``smtp://`` is by STARTTLS, except to this machine, or with
        ``?starttls=never``. ``?ca=FILE`` names a certificate authority of one's own.

        Raises
        ------
        BadSmtpUrl
            If it has another form, or would send a password in the clear to another machine. Its text holds no secret.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise BadSmtpUrl(f"CAP_SMTP_URL is not a URL; {_FORM}") from None
        host = parts.hostname
        if parts.scheme not in ("smtp", "smtps") or not host:
            raise BadSmtpUrl(f"CAP_SMTP_URL names no mail server; {_FORM}")
        options = parse_qs(parts.query)
        if unknown := sorted(options.keys() - {"starttls", "ca"}):
            raise BadSmtpUrl(f"CAP_SMTP_URL has unknown options: {', '.join(unknown)}; there are starttls and ca")
        local = _is_local(host)
        wanted = options.get("starttls", [Encryption.NEVER if local else Encryption.REQUIRED])[-1]
        if wanted not in (Encryption.REQUIRED, Encryption.NEVER):
            raise BadSmtpUrl("starttls in CAP_SMTP_URL is 'required' or 'never'")
        encryption = Encryption.TLS if parts.scheme == "smtps" else Encryption(wanted)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if user and encryption is Encryption.NEVER and not local:
            raise BadSmtpUrl("CAP_SMTP_URL would send a password in the clear; leave starttls=never out")
        default = 465 if encryption is Encryption.TLS else 587 if user else 25
        return cls(host, port or default, encryption, user, password, options.get("ca", [None])[-1])

    def send(self, message: EmailMessage, sender: str, recipient: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Hand one mail over. It was taken if this returns; if the connection breaks at the end it may have been, too.

        Raises
        ------
        MailDeferred
            If the server cannot be reached, or will not take it now, or will not take it from us.
        MailRefused
            If it never will.
        """
        try:
            client = self._connect(timeout_s)
        except (OSError, smtplib.SMTPException) as error:
            raise MailDeferred(f"the mail server {self.host} does not let us in: {_said(error)}") from error
        try:
            client.send_message(message, sender, [recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _answered(code, text) from error
        except smtplib.SMTPSenderRefused as error:
            # The fault is in our configuration, not in this mail.
            raise MailDeferred(f"the mail server refuses our sender: {_said(error)}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(f"the mail server cannot take such an address: {error}") from error
        except smtplib.SMTPResponseException as error:
            raise _answered(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailDeferred(f"the mail server {self.host} broke off: {_said(error)}") from error
        finally:
            # It has been taken or not; how the conversation ends changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                client.quit()
            client.close()

    def _connect(self, timeout_s: float) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.authority)
        if self.encryption is Encryption.TLS:
            client: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=timeout_s, context=context)
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=timeout_s)
        try:
            if self.encryption is Encryption.REQUIRED:
                client.starttls(context=context)
            if self.user:
                client.login(self.user, self.password)
        except BaseException:
            client.close()
            raise
        return client


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answered(code: int, text: bytes | str) -> MailDeferred | MailRefused:
    said = f"{code} {_text(text)}"
    # RFC 5321: 4yz may be tried again as it is, 5yz not.
    return MailRefused(said) if code >= 500 else MailDeferred(said)


def _said(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return f"{type(error).__name__} {error}".strip()[:200]


def _text(value: bytes | str) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return " ".join(text.split())[:200]
