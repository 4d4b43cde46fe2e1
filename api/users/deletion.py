"""Deleting an account: asked for with the password, done two weeks later, so that a thief's wish can be taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from api.accounts import people, sessions
from api.accounts.people import Account
from api.audit import SYSTEM, Actor, record
from api.dependencies import Context
from api.mail import Template, queue_mail
from api.problems import Problem
from api.times import format_instant
from api.users.personal_data import HOLDINGS, AtDeletion

GRACE = timedelta(days=14)
_AT_ONCE, _ROWS_AT_ONCE = 5, 5_000
_WISHES = "account_deletions"
_log = structlog.get_logger("users")
_CHARGED = "s.status IN ('trialing', 'active', 'past_due') AND NOT s.cancel_at_period_end"


def request_deletion(session: Session, account: Account, actor: Actor, now: datetime) -> dict[str, Any]:
    """Note that a person wants to be forgotten; asked again, the first time counts.

    Raises
    ------
    Problem
        ``conflict`` while a subscription would go on being paid, or for the last administrator.
    """
    connection = session.connection()
    if _is_last_administrator(connection, account.user_id):
        raise Problem("conflict", "this is the last administrator; make somebody else one first")
    held = people.by_id(session, account.user_id, hold=True)
    if held is None or not held.active:
        raise Problem("not-found", "there is no such account")
    if _pays(connection, account.user_id):
        raise Problem("conflict", "cancel the subscription first, so that nothing is charged any more")
    due = connection.execute(
        text(
            "INSERT INTO serving.account_deletions (user_id, requested_at, due_at) VALUES (:user, :now, :due) "
            "ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id RETURNING due_at, requested_at"
        ),
        {"user": account.user_id, "now": now, "due": now + GRACE},
    ).one()
    context = {"deletes_at": due.due_at.isoformat(timespec="minutes")}
    key = f"deletion {account.user_id} {due.requested_at.isoformat()}"
    if queue_mail(
        session, account.email, Template.DELETION_REQUESTED, context, key=key, now=now, locale=account.locale
    ):
        record(session, actor, "account.deletion_requested", target=f"user:{account.user_id}", now=now, details=context)
    return {"deletes_at": format_instant(due.due_at)}


def cancel_deletion(session: Session, user_id: str, actor: Actor, now: datetime) -> None:
    """Keep the account; nothing if it was to be kept anyway."""
    result = session.connection().execute(
        text("DELETE FROM serving.account_deletions WHERE user_id = :user"), {"user": user_id}
    )
    if result.rowcount:
        record(session, actor, "account.deletion_cancelled", target=f"user:{user_id}", now=now)


def purge(context: Context, session: Session) -> bool:
    """Do it as a duty of the worker; returns whether there may be more."""
    return purge_due(session, context.clock()) > 0


def purge_due(session: Session, now: datetime) -> int:
    """Delete some of the accounts whose time has come, or a part of one that has much; returns how many were worked at.

    One that took a subscription meanwhile, or became the last administrator, waits until that is settled.
    """
    connection = session.connection()
    due = connection.execute(
        text(
            "SELECT user_id::text FROM serving.account_deletions AS a WHERE due_at <= :now "
            f"AND NOT EXISTS (SELECT FROM serving.subscriptions AS s WHERE s.user_id = a.user_id AND {_CHARGED}) "
            "ORDER BY due_at LIMIT :most FOR UPDATE OF a SKIP LOCKED"
        ),
        {"now": now, "most": _AT_ONCE},
    )
    worked = 0
    for user_id in due.scalars().all():
        if _is_last_administrator(connection, user_id):
            continue
        try:
            with session.begin_nested():
                emptied = _empty(session, user_id, now)
                done = _delete_rows(connection, user_id)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            # One that cannot be deleted must not keep the others.
            _log.error("account_not_deleted", user_id=user_id, error=type(error).__name__)
            continue
        worked += 1
        if emptied:
            record(session, SYSTEM, "account.deleted", target=f"user:{user_id}", now=now)
        if not done:
            break
    return worked


def _pays(connection: Connection, user_id: str) -> bool:
    statement = text(f"SELECT EXISTS (SELECT FROM serving.subscriptions AS s WHERE s.user_id = :user AND {_CHARGED})")
    return bool(connection.execute(statement, {"user": user_id}).scalar_one())


def _is_last_administrator(connection: Connection, user_id: str) -> bool:
    """Whether nobody could take his place; holds the administrators, so that two cannot leave at once."""
    mine = text("SELECT role = 'admin' FROM serving.users WHERE user_id = :user")
    if not connection.execute(mine, {"user": user_id}).scalar_one():
        return False
    # In one order for everybody, or two of them could wait for one another.
    administrators = connection.execute(
        text(
            "SELECT user_id::text FROM serving.users WHERE role = 'admin' AND status = 'active' ORDER BY user_id FOR UPDATE"
        )
    )
    return set(administrators.scalars()) <= {user_id}


def _empty(session: Session, user_id: str, now: datetime) -> bool:
    """Let nobody in any more, and take out of the account what says whose it was; returns whether it did say so."""
    sessions.revoke_all(session, user_id, now)
    connection = session.connection()
    # Mails that were not sent yet, or could not be: they say his address.
    connection.execute(
        text(
            "DELETE FROM serving.outbox WHERE topic = 'mail' AND lower(payload->>'to') = "
            "(SELECT lower(email) FROM serving.users WHERE user_id = :user)"
        ),
        {"user": user_id},
    )
    result = connection.execute(
        text(
            "UPDATE serving.users SET email = 'deleted-' || user_id || '@invalid', password_hash = NULL, "
            "email_verified_at = NULL, display_name = NULL, time_zone = 'UTC', locale = 'en', "
            "preferences = '{}'::jsonb, role = 'user', status = 'deleted', version = version + 1 "
            "WHERE user_id = :user AND status <> 'deleted'"
        ),
        {"user": user_id},
    )
    return bool(result.rowcount)


def _delete_rows(connection: Connection, user_id: str) -> bool:
    """Delete what he had, as much as fits into one transaction; returns whether that was all."""
    # From the end: what refers to another row stands after it. The wish itself goes last, so that the rest is found.
    tables = [name for name, holding in HOLDINGS.items() if holding.at_deletion is AtDeletion.GO and name != _WISHES]
    for table in (*reversed(tables), _WISHES):
        owner = HOLDINGS[table].owner
        name = "user_text" if ":user_text" in owner else "user"
        result = connection.execute(
            text(
                f"DELETE FROM serving.{table} WHERE ctid = ANY(ARRAY("
                f"SELECT t.ctid FROM serving.{table} AS t WHERE {owner} LIMIT :most))"
            ),
            {name: user_id, "most": _ROWS_AT_ONCE},
        )
        if result.rowcount == _ROWS_AT_ONCE:
            return False
    return True
