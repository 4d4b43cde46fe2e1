"""The audit log: who did what to whom, in a chain of digests that shows an altered or missing record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import event, text
from sqlmodel import Session
from starlette.requests import HTTPConnection

from api.security.addresses import client_address
from api.security.principal import Principal
from stores.database import READS_ONLY

_LOCK = 0x4341505F41554454
_PENDING = "audit records to write"
_FIRST_DIGEST = bytes(32)


@dataclass(frozen=True)
class Actor:
    """Who did something, and from where."""

    user_id: str | None
    means: str
    impersonator_id: str | None = None
    address: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, who: Principal, connection: HTTPConnection) -> Actor:
        """The caller of a request."""
        request_id: str = getattr(connection.state, "request_id", "")
        return cls(who.user_id, who.means.value, who.impersonator_id, client_address(connection), request_id)


SYSTEM = Actor(None, "system")
"""What happens by itself: ends of terms, cleaning, payments told by the provider."""


def record(
    session: Session,
    actor: Actor,
    action: str,
    *,
    target: str,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record an action; it is written when the session commits, and not if it does not.

    Parameters
    ----------
    session : Session
    actor : Actor
    action : str
        Such as ``session.revoked``.
    target : str
        Such as ``user:<id>``.
    now : datetime
    details : mapping, optional
        What changed. Never a secret.

    Raises
    ------
    RuntimeError
        If the session is one for reads.
    """
    if session.info.get(READS_ONLY):
        raise RuntimeError(f"a record of {action} would be lost: this session never commits")
    # Written at the commit: records follow one another, and nobody should wait for somebody else's slow transaction.
    session.info.setdefault(_PENDING, []).append((actor, action, target, dict(details or {}), now))


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    pending = session.info.pop(_PENDING, None)
    if not pending:
        return
    session.flush()
    connection = session.connection()
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    last = connection.execute(
        text("SELECT sequence, digest FROM serving.audit_log ORDER BY sequence DESC LIMIT 1")
    ).one_or_none()
    sequence, digest = (0, _FIRST_DIGEST) if last is None else (last.sequence, bytes(last.digest))
    for actor, action, target, details, at in pending:
        sequence += 1
        row = {
            "sequence": sequence,
            "at": at,
            "actor_id": actor.user_id,
            "impersonator_id": actor.impersonator_id,
            "means": actor.means,
            "action": action,
            "target": target,
            "details": details,
            "address": actor.address,
            "request_id": actor.request_id,
        }
        digest = chained(digest, row)
        connection.execute(
            text(
                "INSERT INTO serving.audit_log (sequence, at, actor_id, impersonator_id, means, action, target, details, "
                "address, request_id, digest) VALUES (:sequence, :at, :actor_id, :impersonator_id, :means, :action, "
                ":target, CAST(:details AS jsonb), :address, :request_id, :digest)"
            ),
            {**row, "details": orjson.dumps(details).decode(), "digest": digest},
        )


@event.listens_for(Session, "after_rollback")
def _drop(session: Session) -> None:
    session.info.pop(_PENDING, None)


def chained(before: bytes, row: Mapping[str, Any]) -> bytes:
    """Digest of a record: of the digest before it and of all its own columns."""
    content = {name: row[name] for name in sorted(row) if name != "digest"}
    content["at"] = int(content["at"].timestamp() * 1_000_000)
    written = orjson.dumps(content, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(before + written).digest()


def broken_at(session: Session) -> int | None:
    """Find the first record that does not follow from the one before it; None if the chain holds."""
    digest, expected = _FIRST_DIGEST, 1
    for row in _records(session):
        digest = chained(digest, row)
        if row["sequence"] != expected or bytes(row["digest"]) != digest:
            return expected
        expected += 1
    return None


def _records(session: Session) -> Iterator[Mapping[str, Any]]:
    found = session.connection().execute(
        text(
            "SELECT sequence, at, actor_id::text, impersonator_id::text, means, action, target, details, address, "
            "request_id, digest FROM serving.audit_log ORDER BY sequence"
        ),
        execution_options={"stream_results": True, "max_row_buffer": 1_000},
    )
    for row in found.mappings():
        yield dict(row)
