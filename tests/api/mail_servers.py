"""Mail servers of ours for tests: they answer as told, over plain or encrypted connections."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Taken:
    """What a server was handed, and how."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """What to answer, by step: ``sender``, ``recipient``, ``data``."""
    refuses: set[str] = field(default_factory=set)
    """Addresses there is nobody at."""
    port: int = 0

    async def handle_MAIL(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:  # noqa: N802
        envelope.mail_from = address
        return self.answers.get("sender", "250 OK")

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:  # noqa: N802
        answer = "550 5.1.1 nobody" if address in self.refuses else self.answers.get("recipient", "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.answers.get("data", "250 OK")
        if answer.startswith("2"):
            self.recipients += envelope.rcpt_tos
            self.encrypted.append(session.ssl is not None)
            self.mails.append(message_from_bytes(envelope.content, EmailMessage, policy=default))
        return answer


@contextmanager
def mail_server(certificate: Path | None = None, *, login: tuple[bytes, bytes] | None = None) -> Iterator[Taken]:
    """Run a server on a free port; with a certificate it offers STARTTLS and insists on it."""
    taken = Taken()
    options: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        options |= {"tls_context": context, "require_starttls": True}
    if login is not None:

        def authenticate(_: Any, __: Any, ___: Any, ____: str, given: Any) -> AuthResult:
            pair = (given.login, given.password)
            taken.logins.append(pair)
            return AuthResult(success=pair == login, handled=False)

        options |= {"authenticator": authenticate, "auth_required": True}
    # Port 0 is any: the controller tries to reach itself there, so the port is read from the socket first.
    controller = _AnyPort(taken, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        taken.port = controller.port
        yield taken
    finally:
        controller.stop()


class _AnyPort(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def self_signed(folder: Path) -> Path:
    """Write a certificate of 127.0.0.1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
