"""API keys: how they are written, and how one is found by what a program presents.

``cap_<prefix>_<secret>_<checksum>``: the prefix finds the key and lets its owner recognize it, the secret has 256 random
bits, the checksum tells a mistyped key without asking the database and lets scanners of leaked secrets be sure.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from sqlalchemy import text
from sqlmodel import Session

from api.entitlements import held_by
from api.security.addresses import within

PREFIX = "cap_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PREFIX_LENGTH, _SECRET_LENGTH, _CHECKSUM_LENGTH = 8, 43, 6
_FORM = re.compile(r"cap_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})", re.ASCII)
# How far behind the moment of the last use may be, so that reading does not become writing.
_USE_NOTED_EVERY = timedelta(minutes=1)

FIND: LiteralString = (
    "SELECT k.key_id::text, k.user_id::text, k.digest, k.scopes, k.allowed_networks, k.expires_at, k.revoked_at, "
    "k.retires_at, k.last_used_at, h.* FROM serving.api_keys AS k "
    "JOIN serving.users AS u ON u.user_id = k.user_id AND u.status = 'active' "
    "LEFT JOIN LATERAL (" + held_by("k.user_id", "%(now)s") + ") AS h ON true WHERE k.prefix = %(prefix)s"
)
"""Finds a key by its prefix, and its owner's plan, at an instant."""


@dataclass(frozen=True)
class KeyIdentity:
    """A good key.

    Attributes
    ----------
    key_id, user_id : str
    scopes : frozenset of str
    plan : mapping
        Its owner's, as `api.entitlements.of_plan` reads it.
    noted : bool
        Whether it was noted lately that it is used.
    """

    key_id: str
    user_id: str
    scopes: frozenset[str]
    plan: Mapping[Any, Any]
    noted: bool


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: its text is nowhere else."""

    text: str
    prefix: str
    digest: bytes


def make() -> NewKey:
    """Make a key."""
    prefix = _random(_PREFIX_LENGTH)
    body = f"{PREFIX}{prefix}_{_random(_SECRET_LENGTH)}"
    written = f"{body}_{_checksum(body)}"
    return NewKey(written, prefix, _digest(written))


def prefix_of(presented: str) -> str | None:
    """Read the prefix of a key; None if it has not the form of one."""
    form = _FORM.fullmatch(presented)
    if form is None or _checksum(presented.rpartition("_")[0]) != form[3]:
        return None
    return form[1]


def judge(row: Mapping[Any, Any] | None, presented: str, address: str, now: datetime) -> KeyIdentity | None:
    """Whose key it is, if it is good now, from this address, and its owner active; None for any other.

    Parameters
    ----------
    row : mapping, optional
        What `FIND` found by its prefix.
    presented : str
    address : str
    now : datetime
    """
    digest = _digest(presented)
    # An unknown prefix is compared too, so that it takes as long as a wrong secret.
    good = hmac.compare_digest(bytes(row["digest"]) if row is not None else bytes(32), digest)
    if row is None or not good or row["revoked_at"] is not None:
        return None
    if any(end is not None and now >= end for end in (row["expires_at"], row["retires_at"])):
        return None
    if row["allowed_networks"] and not within(address, tuple(row["allowed_networks"])):
        return None
    used = row["last_used_at"]
    noted = used is not None and abs(now - used) < _USE_NOTED_EVERY
    return KeyIdentity(row["key_id"], row["user_id"], frozenset(row["scopes"]), row, noted)


def note_use(session: Session, key: KeyIdentity, address: str, now: datetime) -> None:
    """Note when and from where a key was used."""
    # Somebody else is noting the same right now: then nobody waits for it.
    session.connection().execute(
        text(
            "UPDATE serving.api_keys SET last_used_at = :now, last_used_address = :address WHERE key_id = "
            "(SELECT key_id FROM serving.api_keys WHERE key_id = :key FOR NO KEY UPDATE SKIP LOCKED)"
        ),
        {"now": now, "address": address, "key": key.key_id},
    )


def find(session: Session, presented: str, address: str, now: datetime) -> KeyIdentity | None:
    """Find a key that is good now, from this address, and whose owner is active; None for any other."""
    prefix = prefix_of(presented)
    if prefix is None:
        return None
    row = session.connection().exec_driver_sql(FIND, {"prefix": prefix, "now": now}).mappings().one_or_none()
    key = judge(row, presented, address, now)
    if key is not None and not key.noted:
        note_use(session, key, address, now)
    return key


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _digest(written: str) -> bytes:
    return hashlib.sha256(written.encode()).digest()


def _checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
