"""The two users of the embedded warehouse and where their passwords are kept."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class User(StrEnum):
    """Who may connect."""

    CAP = "cap"
    """The platform itself: reads and writes."""
    ANALYST = "analyst"
    """People with an SQL client: reads, within limits."""


@dataclass(frozen=True)
class Credentials:
    """Passwords by user. Its ``repr`` shows none."""

    passwords: dict[User, str]

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self.passwords)})"

    def url(self, user: User, port: int, database: str = "") -> str:
        """URL with user and password in it, for a client on this machine."""
        return f"http://{user}:{self.passwords[user]}@127.0.0.1:{port}/{database}".rstrip("/")


def users_file(home: Path) -> Path:
    """Where the passwords are kept, readable by their owner alone."""
    return home / "users.json"


def read_credentials(home: Path) -> Credentials:
    """Read the passwords of a warehouse that has been started before.

    Raises
    ------
    FileNotFoundError
        If it never was.
    """
    stored = json.loads(users_file(home).read_text())
    return Credentials({user: stored[user] for user in User})


def ensure_credentials(home: Path) -> Credentials:
    """Read the passwords, making random ones at the first start."""
    path = users_file(home)
    if not path.exists():
        fresh = {user.value: secrets.token_urlsafe(24) for user in User}
        staged = path.with_suffix(".new")
        staged.unlink(missing_ok=True)
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(fresh, file)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    return read_credentials(home)
