"""``cap mail``: what the local mail server has kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import typer

from deploy.cli.errors import CommandFailed
from deploy.cli.options import read_settings
from deploy.local.home import Home
from deploy.local.mail_sink import mail_folder

_LINK = re.compile(r"^https?://\S+$", re.MULTILINE)
_LISTED = 20


@dataclass(frozen=True)
class KeptMail:
    """A mail as it was taken."""

    date: str
    to: str
    subject: str
    text: str
    links: list[str]
    file: str


def show_mails(
    home: Path | None, *, last: bool = False, as_json: bool = False, link: bool = False, token: bool = False
) -> None:
    """List mails, or show the newest, or the newest link or token in one.

    Raises
    ------
    CommandFailed
        If there is none.
    """
    settings = read_settings(home)
    folder = mail_folder(Home(settings.home))
    mails = newest_first(folder)
    if link:
        found = next((one for one in mails if one.links), None)
        if found is None:
            raise CommandFailed(f"no mail with a link is in {folder}; {_WHY}")
        typer.echo(found.links[0])
    elif token:
        tokens = (parse_qs(urlsplit(one).query).get("token") for mail in mails for one in mail.links)
        newest = next((one[0] for one in tokens if one), None)
        if newest is None:
            raise CommandFailed(f"no mail with a token is in {folder}; {_WHY}")
        typer.echo(newest)
    elif last:
        mail = next(mails, None)
        if mail is None:
            raise CommandFailed(f"no mail is in {folder}; {_WHY}")
        typer.echo(json.dumps(asdict(mail), indent=2) if as_json else _whole(mail))
    elif as_json:
        typer.echo(json.dumps([asdict(mail) for mail in mails], indent=2))
    else:
        _list(mails, folder)


_WHY = "they come here while 'cap up' runs without CAP_SMTP_URL"


def newest_first(folder: Path) -> Iterator[KeptMail]:
    """Read the kept mails one by one."""
    for path in sorted(folder.glob("*.eml"), reverse=True):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # A newer mail has taken its place meanwhile.
            continue
        message = message_from_bytes(content, EmailMessage, policy=default)
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        shown = {name: str(message.get(name, "")) for name in ("date", "to", "subject")}
        yield KeptMail(**shown, text=text, links=_LINK.findall(text.replace("\r\n", "\n")), file=str(path))


def _whole(mail: KeptMail) -> str:
    return f"Date: {mail.date}\nTo: {mail.to}\nSubject: {mail.subject}\n\n{mail.text.rstrip()}"


def _list(mails: Iterator[KeptMail], folder: Path) -> None:
    number = 0
    for number, mail in enumerate(mails, 1):
        if number <= _LISTED:
            typer.echo(f"{mail.date:<31}  {mail.to:<32}  {mail.subject}")
    if number == 0:
        typer.echo(f"No mail is in {folder}; {_WHY}.")
    elif number > _LISTED:
        typer.echo(f"... and {number - _LISTED} older ones in {folder}")
