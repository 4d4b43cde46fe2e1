"""A new person, the worker and the local mail server: confirming an address and choosing a new password without a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from deploy.cli.errors import CommandFailed
from deploy.cli.mail import newest_first, show_mails
from deploy.local.home import Home
from deploy.local.mail_sink import MailSink
from deploy.local.stack import LocalStack
from deploy.local.supervisor import Supervisor
from tests.api.alert_rows import fresh_database
from tests.api.conftest import serve
from tests.api.delivery_fixtures import until, working


@dataclass(frozen=True)
class Desk:
    """The API, and the home whose mails are shown."""

    client: httpx.Client
    home: Path
    folder: Path

    def token(self, capsys: pytest.CaptureFixture[str], mails: int) -> str:
        """Newest mailed token, once so many mails are there."""
        until(lambda: len(list(self.folder.glob("*.eml"))) == mails, 30, "no mail came")
        capsys.readouterr()
        show_mails(self.home, token=True)
        return capsys.readouterr().out.strip()


@pytest.fixture
def desk(stack: LocalStack, tmp_path: Path) -> Iterator[Desk]:
    fresh_database(stack.settings).dispose()
    home = Home(tmp_path / "home")
    home.create()
    supervisor = Supervisor(home, "up")
    sink = MailSink(home, 0)
    supervisor.start([sink])
    settings = stack.settings.model_copy(
        update={"smtp_url": SecretStr(sink.url), "password_memory_kib": 64, "password_passes": 1}
    )
    try:
        with serve(settings) as served, working(settings):
            yield Desk(served.client, home.path, sink.folder)
    finally:
        supervisor.stop()


def test_a_new_person_confirms_and_resets_by_what_was_mailed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(path: str, **body: str) -> int:
        return desk.client.post(f"/v1/auth/{path}", json=body).status_code

    anna = {"email": "anna@example.org", "password": "a-long-pass-phrase-42"}
    assert ask("login", **anna) == 401
    assert ask("register", **anna) == 202
    token = desk.token(capsys, 1)
    assert ask("login", **anna) == 401, "not before the address is confirmed"
    assert ask("verify-email", token=token) == 204
    assert ask("login", **anna) == 200

    before = len(list(desk.folder.glob("*.eml")))
    assert ask("password-reset", email=anna["email"]) == 202
    token = desk.token(capsys, before + 1)
    assert ask("password-reset/confirm", token=token, new_password="another-pass-phrase-43") == 204
    assert ask("login", **anna) == 401
    assert ask("login", email=anna["email"], password="another-pass-phrase-43") == 200
    until(lambda: len(list(desk.folder.glob("*.eml"))) >= before + 2)
    assert "Your password was changed" in {mail.subject for mail in newest_first(desk.folder)}


def test_without_a_mail_the_command_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="CAP_SMTP_URL"):
        show_mails(tmp_path, token=True)
