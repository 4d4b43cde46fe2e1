"""Mails over real connections: what a server's answers mean, and that no password goes over the wire in the clear."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.mails.message import BadMail, compose, sender_of
from api.mails.smtp import BadSmtpUrl, Encryption, MailDeferred, MailRefused, MailServer
from tests.api.mail_servers import Taken, mail_server, self_signed
from tests.stack_fixtures import bare_settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = bare_settings(public_url="https://signals.example.com/", mail_from="Señales <no-reply@example.com>")
TO = "anna@example.org"
TOKEN = "t" * 150
ALERT = {
    "to": TO,
    "template": "alert",
    "context": {"title": "BTC über 50 000", "text": "Zeile\n.\nzwei", "alert_id": "7"},
    "unsubscribe": f"/v1/alerts/unsubscribe?token={TOKEN}",
}


@pytest.fixture
def server() -> Iterator[Taken]:
    with mail_server() as running:
        yield running


def _send(url: str, key: str = "k", to: str = TO) -> None:
    message = compose({**ALERT, "to": to}, SETTINGS, key=key, now=NOW)
    MailServer.parse(url).send(message, sender_of(SETTINGS), to, timeout_s=1)


def test_a_mail_arrives_whole_with_the_headers_that_machines_need(server: Taken) -> None:
    _send(f"smtp://127.0.0.1:{server.port}", key="alert 1")
    _send(f"smtp://127.0.0.1:{server.port}", key="alert 1")
    _send(f"smtp://127.0.0.1:{server.port}", key="alert 2")
    first, again, other = server.mails
    assert server.recipients == [TO] * 3
    assert first["Subject"] == "BTC über 50 000"
    assert first["From"] == "Señales <no-reply@example.com>"
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first["Message-ID"].endswith("@signals.example.com>")
    assert first["List-Unsubscribe"] == f"<https://signals.example.com/v1/alerts/unsubscribe?token={TOKEN}>"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, page = first.get_body(("plain",)), first.get_body(("html",))
    assert plain is not None
    assert page is not None
    # A line of one dot ends a mail on the wire; it must come through.
    assert "Zeile\n.\nzwei" in plain.get_content().replace("\r\n", "\n")
    assert "Zeile<br>.<br>zwei" in page.get_content()


@pytest.mark.parametrize("step", ["sender", "recipient", "data"])
@pytest.mark.parametrize(("code", "refused"), [("451 4.3.0 later", False), ("550 5.1.1 no such user", True)])
def test_what_a_server_puts_off_is_tried_again_and_what_it_refuses_is_not(
    server: Taken, step: str, code: str, refused: bool
) -> None:
    server.answers[step] = code
    # A refused sender is our fault, and no reason to give this mail up.
    expected = MailRefused if refused and step != "sender" else MailDeferred
    with pytest.raises(expected, match=code[:3]):
        _send(f"smtp://127.0.0.1:{server.port}")
    assert server.mails == []


def test_starttls_is_used_with_a_login(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with mail_server(certificate, login=(b"anna", b"p@ss word")) as server:
        url = f"smtp://anna:p%40ss%20word@127.0.0.1:{server.port}?starttls=required&ca={certificate}"
        _send(url)
        assert server.encrypted == [True]
        with pytest.raises(MailDeferred, match="535") as wrong:
            _send(url.replace("p%40ss", "wrong"))
        assert "wrong" not in str(wrong.value)
        with pytest.raises(MailDeferred, match="CERTIFICATE_VERIFY_FAILED"):
            _send(f"smtp://anna:p%40ss%20word@127.0.0.1:{server.port}?starttls=required")
        assert len(server.mails) == 1
        assert server.logins[0] == (b"anna", b"p@ss word")
        # One wrong password may be tried by several mechanisms; over a bad connection it is never said.
        assert set(server.logins[1:]) == {(b"anna", b"wrong word")}


def test_a_server_that_hides_starttls_gets_nothing(server: Taken) -> None:
    with pytest.raises(MailDeferred, match="STARTTLS"):
        _send(f"smtp://anna:secret@127.0.0.1:{server.port}?starttls=required")
    assert server.mails == []


def test_a_server_that_is_gone_or_hangs_or_breaks_off_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        message = compose(ALERT, SETTINGS, key="k", now=NOW)
        with pytest.raises(MailDeferred):
            MailServer.parse(f"smtp://127.0.0.1:{port}").send(message, "a@example.com", TO, timeout_s=0.3)
        breaking = threading.Thread(target=lambda: [listener.accept()[0].close() for _ in range(2)])
        breaking.start()
        with pytest.raises(MailDeferred):
            _send(f"smtp://127.0.0.1:{port}")
        with pytest.raises(MailDeferred):
            _send(f"smtp://127.0.0.1:{port}")
        breaking.join(timeout=10)
    with pytest.raises(MailDeferred):
        _send(f"smtp://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("url", "host", "port", "encryption"),
    [
        ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Encryption.NEVER),
        ("smtp://[::1]:2525", "::1", 2525, Encryption.NEVER),
        ("smtp://mail.example.com", "mail.example.com", 25, Encryption.REQUIRED),
        ("smtp://me:pw@mail.example.com", "mail.example.com", 587, Encryption.REQUIRED),
        ("smtps://me:pw@mail.example.com", "mail.example.com", 465, Encryption.TLS),
        ("smtp://relay:25?starttls=never", "relay", 25, Encryption.NEVER),
    ],
)
def test_urls_of_mail_servers(url: str, host: str, port: int, encryption: Encryption) -> None:
    server = MailServer.parse(url)
    assert (server.host, server.port, server.encryption) == (host, port, encryption)
    assert "pw" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com",
        "smtp://",
        "smtp://h:secret:9",
        "smtp://me:secret@mail.example.com?starttls=never",
        "smtp://me:secret@h?tls=on",
        "smtp://me:secret@h?starttls=maybe",
    ],
)
def test_a_wrong_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(BadSmtpUrl) as refused:
        MailServer.parse(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("field", ["to", "unsubscribe"])
def test_a_header_of_two_lines_is_never_composed(field: str) -> None:
    payload = {**ALERT, field: "x@example.com\r\nBcc: thief@example.com"}
    with pytest.raises(BadMail):
        compose(payload, SETTINGS, key="k", now=NOW)
