"""The local mail server, as a supervised process, and the command that shows what it has kept."""

from __future__ import annotations

import json
import smtplib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.mails.message import compose
from api.mails.smtp import MailServer
from deploy.cli.errors import CommandFailed
from deploy.cli.mail import newest_first, show_mails
from deploy.cli.status import check_health
from deploy.local.home import Home
from deploy.local.mail_sink import Keeper, MailSink
from deploy.local.supervisor import Supervisor
from tests.stack_fixtures import bare_settings


@dataclass(frozen=True)
class Sink:
    home: Path
    service: MailSink

    def take(self, template: str, token: str) -> None:
        settings = bare_settings(public_url="http://127.0.0.1:8000")
        context = {"token": token, "expires_at": "2026-03-02T12:00:00Z", "number": "7", "amount": "29.00 EUR"}
        message = compose(
            {"to": "anna@example.org", "template": template, "context": context},
            settings,
            key=token,
            now=datetime(2026, 3, 1, tzinfo=UTC),
        )
        MailServer.parse(self.service.url).send(message, "no-reply@localhost", "anna@example.org")


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    home = Home(tmp_path_factory.mktemp("sink"))
    home.create()
    supervisor = Supervisor(home, "up")
    service = MailSink(home, 0)
    try:
        supervisor.start([service])
        supervisor.publish({"smtp": service.url})
        yield Sink(home.path, service)
    finally:
        supervisor.stop()


def test_mails_are_kept_and_shown(sink: Sink, capsys: pytest.CaptureFixture[str]) -> None:
    show_mails(sink.home)
    assert "No mail" in capsys.readouterr().out
    with pytest.raises(CommandFailed, match="no mail with a link"):
        show_mails(sink.home, link=True)

    sink.take("verify_email", "first+/=")
    sink.take("invoice", "second")

    show_mails(sink.home)
    listed = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1] for line in listed] == ["Invoice 7", "Confirm your e-mail address"]
    show_mails(sink.home, last=True)
    assert "Subject: Invoice 7\n\nThank you." in capsys.readouterr().out
    show_mails(sink.home, as_json=True)
    mails = json.loads(capsys.readouterr().out)
    assert mails[1]["links"] == ["http://127.0.0.1:8000/verify-email?token=first%2B%2F%3D"]
    show_mails(sink.home, link=True)
    assert capsys.readouterr().out.strip() == mails[0]["links"][0]
    show_mails(sink.home, token=True)
    assert capsys.readouterr().out == "first+/=\n"


def test_only_the_owner_can_read_them(sink: Sink) -> None:
    folder = sink.service.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    sink.take("invoice", "private")
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_status_asks_it(sink: Sink) -> None:
    health = check_health(bare_settings(home=sink.home))["smtp"]
    assert (health.url, health.healthy) == (sink.service.url, True)


def test_too_large_a_mail_is_refused(sink: Sink) -> None:
    with smtplib.SMTP("127.0.0.1", sink.service.port or 0, timeout=10) as client, pytest.raises(smtplib.SMTPException):
        client.sendmail("a@example.com", ["b@example.com"], b"x" * 2_100_000)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, kept=3)
    for number in range(5):
        keeper.keep(f"Subject: {number}\r\n\r\ntext".encode())
    assert [mail.subject for mail in newest_first(tmp_path)] == ["4", "3", "2"]
