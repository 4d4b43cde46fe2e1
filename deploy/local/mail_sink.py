"""A mail server for this machine alone: it takes every mail and keeps it as a file, and sends nothing on.

With it somebody who tries the platform out can confirm his address and choose a new password without a mail server.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from deploy.local.home import Home
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service

KEPT = 500
_LARGEST = 2_000_000


class MailSink(Service):
    """The local mail server as a service.

    Parameters
    ----------
    home : Home
    port : int
    """

    NAME: str = "smtp"
    TITLE: str = "The local mail server"

    @property
    def folder(self) -> Path:
        """Where the mails are."""
        return mail_folder(self.home)

    @property
    def url(self) -> str:
        """``smtp://host:port``."""
        return f"smtp://{LOOPBACK}:{self.port}"

    def command(self) -> Sequence[str]:
        """Run it as a program of its own."""
        return [sys.executable, "-m", "deploy.local.mail_sink", str(self.folder), str(self.port)]

    def prepare(self) -> None:
        """Make the folder; what is in it is for its owner's eyes only."""
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def ready(self) -> bool:
        """Whether it greets."""
        return self.port is not None and greets(LOOPBACK, self.port)


def mail_folder(home: Home) -> Path:
    """Folder of the mails of a home."""
    return home.path / "mails"


def greets(host: str, port: int) -> bool:
    """Whether a mail server answers there."""
    try:
        with socket.create_connection((host, port), timeout=3) as connection:
            greeting = connection.recv(512)
            connection.sendall(b"QUIT\r\n")
            return greeting.startswith(b"220")
    except OSError:
        return False


class Keeper:
    """Keeps each mail as a file; of the oldest only as many as fit.

    Parameters
    ----------
    folder : pathlib.Path
    kept : int
        Mails kept.
    """

    def __init__(self, folder: Path, kept: int = KEPT) -> None:
        self._folder = folder
        self._kept = kept
        self._number = count()

    # The names are those aiosmtpd calls.
    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        """Take a mail."""
        del server, session
        content: bytes = getattr(envelope, "content", None) or b""
        self.keep(content)
        return "250 OK"

    def keep(self, content: bytes) -> Path:
        """Write a mail to a file whose name sorts by time, in one step."""
        path = self._folder / f"{time.time_ns():020d}-{next(self._number):06d}.eml"
        temporary = path.with_suffix(".part")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        temporary.replace(path)
        for old in sorted(self._folder.glob("*.eml"))[: -self._kept]:
            old.unlink(missing_ok=True)
        return path


async def serve(folder: Path, port: int) -> None:
    """Take mails until told to stop."""
    from aiosmtpd.smtp import SMTP

    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    keeper = Keeper(folder)

    def answer() -> asyncio.Protocol:
        return SMTP(keeper, data_size_limit=_LARGEST, enable_SMTPUTF8=True, hostname="localhost", loop=loop)

    server = await loop.create_server(answer, LOOPBACK, port)
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
