"""Writes that may come twice: with an ``Idempotency-Key`` a repeated request gets the first one's answer.

The change and the answer are committed together, and requests with one key wait for one another. So a client that lost
the answer, or sent fifty at once, causes one change and reads one answer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request
from sqlalchemy import text
from sqlmodel import Session
from starlette.responses import Response

from api.dependencies import Context, context_of
from api.problems import Problem, invalid
from api.security.addresses import client_address
from api.security.principal import Principal, PrincipalDependency

REMEMBERED = timedelta(hours=24)
"""How long an answer is kept."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_PURPOSE = "idempotent-answer"


@dataclass(frozen=True)
class Made:
    """What a write answers.

    Attributes
    ----------
    status : int
    body : object
        Anything JSON can hold; None for an answer without a body.
    headers : mapping
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """Write it as a reply."""
        content = b"" if self.body is None else orjson.dumps(self.body)
        return Response(content, self.status, dict(self.headers), None if self.body is None else "application/json")


class Writes:
    """Runs the writes of one request, each in one transaction."""

    def __init__(self, request: Request, who: Principal, key: str | None) -> None:
        self._request = request
        self._who = who
        self._key = key
        self._context: Context = context_of(request)

    async def __call__(self, work: Callable[[Session], Made]) -> Response:
        """Run a write and answer.

        Parameters
        ----------
        work : callable
            Changes what it has to through the session it is given; a problem it raises takes everything back, and the
            same key may be tried again.

        Raises
        ------
        Problem
            ``idempotency-conflict`` if the key was used for another request.
        """
        if self._key is None:
            made = await self._context.stores.in_session(work)
            return made.response()
        digest = await self._digest()
        owner = self._who.user_id or f"address {client_address(self._request)}"
        key, now = self._key, self._context.clock()
        made = await self._context.stores.in_session(lambda session: self._once(session, owner, key, digest, now, work))
        return made.response()

    async def _digest(self) -> bytes:
        line = f"{self._request.method} {self._request.url.path}?{self._request.url.query}\n"
        return hashlib.sha256(line.encode("utf-8", "surrogatepass") + await self._request.body()).digest()

    def _once(
        self, session: Session, owner: str, key: str, digest: bytes, now: datetime, work: Callable[[Session], Made]
    ) -> Made:
        connection = session.connection()
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"idempotency {owner} {key}"}
        )
        known = connection.execute(
            text(
                "SELECT request_digest, answer FROM serving.idempotency_keys "
                "WHERE owner = :owner AND key = :key AND created_at > :since"
            ),
            {"owner": owner, "key": key, "since": now - REMEMBERED},
        ).one_or_none()
        vault = self._context.vault
        if known is not None:
            if not hmac.compare_digest(bytes(known.request_digest), digest):
                raise Problem(
                    "idempotency-conflict", "this Idempotency-Key was used for another request; use a new one"
                )
            answer = orjson.loads(vault.open(bytes(known.answer), _PURPOSE))
            return Made(answer["status"], answer["body"], {**answer["headers"], "Idempotent-Replayed": "true"})
        made = work(session)
        answer = orjson.dumps({"status": made.status, "body": made.body, "headers": dict(made.headers)})
        connection.execute(
            text(
                "INSERT INTO serving.idempotency_keys (owner, key, request_digest, answer, created_at) "
                "VALUES (:owner, :key, :digest, :answer, :now) ON CONFLICT (owner, key) DO UPDATE "
                "SET request_digest = excluded.request_digest, answer = excluded.answer, created_at = excluded.created_at"
            ),
            {"owner": owner, "key": key, "digest": digest, "answer": vault.seal(answer, _PURPOSE), "now": now},
        )
        return made


async def _writes(
    request: Request,
    who: PrincipalDependency,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Chosen by the client, for instance a UUID. A repeated request with the same key gets the first "
            "one's answer for 24 hours and changes nothing."
        ),
    ] = None,
) -> Writes:
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise invalid("Idempotency-Key", "send 1 to 255 printable ASCII characters without spaces")
    return Writes(request, who, idempotency_key)


WriteDependency = Annotated[Writes, Depends(_writes)]


def forget_answers(session: Session, now: datetime) -> int:
    """Delete answers that are no longer given again; returns how many."""
    result = session.connection().execute(
        text("DELETE FROM serving.idempotency_keys WHERE created_at <= :since"), {"since": now - REMEMBERED}
    )
    return result.rowcount
