"""Sessions: opened by a sign-in, continued by refresh tokens, ended by the person, by age, or by a copied token."""

from __future__ import annotations

import base64
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session
from starlette.requests import HTTPConnection

from api.accounts.one_time import digest_of, new_token
from api.audit import Actor, record
from api.dependencies import Context
from api.mail import Template, queue_mail
from api.security.addresses import client_address

_LONGEST_DEVICE = 200
_DOUBLED_WITHIN = timedelta(seconds=10)
"""A client that got no answer asks again; a second use by the same one within this time is no theft."""


@dataclass(frozen=True)
class Client:
    """Program and place a request comes from, as far as it can be told."""

    device: str
    address: str

    @classmethod
    def of(cls, connection: HTTPConnection) -> Client:
        """The client of a request."""
        device = "".join(one for one in connection.headers.get("user-agent", "") if one.isprintable())
        return cls(device[:_LONGEST_DEVICE], client_address(connection))

    def __str__(self) -> str:
        return f"{self.address} {self.device}"


@dataclass(frozen=True)
class Opened:
    """A session with its newest tokens."""

    session_id: str
    user_id: str
    access_token: str
    refresh_token: str
    refresh_until: datetime


def open_session(
    context: Context, session: Session, user_id: str, client: Client, now: datetime, *, second_factor: bool
) -> Opened:
    """Open a session for a person who has proved who he is."""
    session_id, token = str(uuid.uuid4()), new_token()
    expires_at = now + timedelta(days=context.settings.session_days)
    session.connection().execute(
        text(
            "INSERT INTO serving.sessions (session_id, user_id, created_at, last_seen_at, expires_at, second_factor, "
            "device, address) VALUES (:session, :user, :now, :now, :expires, :second, :device, :address)"
        ),
        {
            "session": session_id,
            "user": user_id,
            "now": now,
            "expires": expires_at,
            "second": second_factor,
            "device": client.device,
            "address": client.address,
        },
    )
    until = _keep(context, session, token, session_id, expires_at, now)
    return Opened(session_id, user_id, context.tokens.issue(user_id, session_id, now), token, until)


def is_new_device(session: Session, user_id: str, client: Client) -> bool:
    """Whether a person who has signed in before never did so from this device."""
    known = (
        session.connection()
        .execute(
            text(
                "SELECT count(*) AS all_, count(*) FILTER (WHERE device = :device) AS same FROM serving.sessions "
                "WHERE user_id = :user AND impersonator_id IS NULL"
            ),
            {"user": user_id, "device": client.device},
        )
        .one()
    )
    return known.all_ > 0 and known.same == 0


def session_of(session: Session, token: str, now: datetime) -> str | None:
    """Session a refresh token belongs to, if that still lasts."""
    row = (
        session.connection()
        .execute(
            text(
                "SELECT t.session_id FROM serving.refresh_tokens AS t JOIN serving.sessions AS s USING (session_id) "
                "WHERE t.token_digest = :digest AND s.revoked_at IS NULL AND s.expires_at > :now"
            ),
            {"digest": digest_of(token), "now": now},
        )
        .one_or_none()
    )
    return None if row is None else str(row.session_id)


def refresh(
    context: Context, session: Session, token: str, client: Client, actor: Actor, now: datetime
) -> Opened | None:
    """Exchange a refresh token for the one that follows it.

    A token that comes a second time was copied: the session ends, whoever is the thief. Only the same client may repeat
    itself within seconds; it gets the very token it got, or did not get, before, so that the family never forks.

    Returns
    -------
    Opened, optional
        None if the token is not good; what was done about that is committed with the session.
    """
    connection = session.connection()
    row = connection.execute(
        text(
            "SELECT t.session_id, t.expires_at, t.used_at, t.used_by, s.user_id, s.expires_at AS session_expires, u.email "
            "FROM serving.refresh_tokens AS t JOIN serving.sessions AS s ON s.session_id = t.session_id "
            "JOIN serving.users AS u ON u.user_id = s.user_id "
            "WHERE t.token_digest = :digest AND s.revoked_at IS NULL AND s.expires_at > :now AND u.status = 'active' "
            # The session's row is what concurrent uses of any token of the family wait for.
            "FOR UPDATE OF s, t"
        ),
        {"digest": digest_of(token), "now": now},
    ).one_or_none()
    if row is None:
        return None
    session_id, user_id = str(row.session_id), str(row.user_id)
    following = _following(context, token)
    if row.used_at is not None:
        until = None
        if row.used_by == str(client) and abs(now - row.used_at) <= _DOUBLED_WITHIN:
            until = _unused_until(session, following)
        if until is None:
            revoke(session, session_id, now)
            record(session, actor, "session.refresh_reused", target=f"user:{user_id}", now=now)
            context_ = {"at": now.isoformat(timespec="seconds")}
            queue_mail(session, row.email, Template.REFRESH_REUSED, context_, key=f"reused {session_id}", now=now)
            return None
    else:
        if row.expires_at <= now:
            return None
        connection.execute(
            text("UPDATE serving.refresh_tokens SET used_at = :now, used_by = :client WHERE token_digest = :digest"),
            {"digest": digest_of(token), "now": now, "client": str(client)},
        )
        connection.execute(
            text("UPDATE serving.sessions SET last_seen_at = greatest(last_seen_at, :now) WHERE session_id = :session"),
            {"now": now, "session": session_id},
        )
        until = _keep(context, session, following, session_id, row.session_expires, now)
    return Opened(session_id, user_id, context.tokens.issue(user_id, session_id, now), following, until)


def revoke(session: Session, session_id: str, now: datetime) -> bool:
    """End a session; returns whether it still lasted."""
    result = session.connection().execute(
        text("UPDATE serving.sessions SET revoked_at = :now WHERE session_id = :session AND revoked_at IS NULL"),
        {"now": now, "session": session_id},
    )
    return bool(result.rowcount)


def revoke_all(session: Session, user_id: str, now: datetime, *, but: str | None = None) -> int:
    """End every session of a person, or every other one than ``but``; returns how many."""
    result = session.connection().execute(
        text(
            "UPDATE serving.sessions SET revoked_at = :now WHERE user_id = :user AND revoked_at IS NULL "
            "AND session_id IS DISTINCT FROM CAST(:but AS uuid)"
        ),
        {"now": now, "user": user_id, "but": but},
    )
    return result.rowcount


def _following(context: Context, token: str) -> str:
    """Make the token that follows: the same one however often it is asked for, and nobody else can tell it."""
    digest = hmac.digest(context.vault.derive("refresh-token"), token.encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _keep(
    context: Context, session: Session, token: str, session_id: str, session_expires: datetime, now: datetime
) -> datetime:
    until = min(now + timedelta(days=context.settings.session_idle_days), session_expires)
    session.connection().execute(
        text(
            "INSERT INTO serving.refresh_tokens (token_digest, session_id, created_at, expires_at) "
            "VALUES (:digest, :session, :now, :until)"
        ),
        {"digest": digest_of(token), "session": session_id, "now": now, "until": until},
    )
    return until


def _unused_until(session: Session, token: str) -> datetime | None:
    """Find how long a token that nobody has used yet is good; None if it was used."""
    row = (
        session.connection()
        .execute(
            text("SELECT expires_at FROM serving.refresh_tokens WHERE token_digest = :digest AND used_at IS NULL"),
            {"digest": digest_of(token)},
        )
        .one_or_none()
    )
    return None if row is None else row.expires_at
