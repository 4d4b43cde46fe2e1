"""Deleting an account: asked for with the password, done two weeks later, so that a thief's wish can be taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text
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
_AT_ONCE = 20
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
    return purge_due(session, context.clock()) >= _AT_ONCE


def purge_due(session: Session, now: datetime) -> int:
    """Delete the accounts whose time has come, some at once; returns how many.

    One that took a subscription meanwhile, or became the last administrator, waits until that is settled.
    """
    connection = session.connection()
    due = connection.execute(
        text(
            "SELECT user_id::text FROM serving.account_deletions WHERE due_at <= :now "
            f"AND NOT EXISTS (SELECT FROM serving.subscriptions AS s WHERE s.user_id = account_deletions.user_id AND {_CHARGED}) "
            "ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED"
        ),
        {"now": now, "most": _AT_ONCE},
    )
    purged = 0
    for user_id in due.scalars().all():
        if not _is_last_administrator(connection, user_id):
            _purge(session, user_id, now)
            purged += 1
    return purged


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


def _purge(session: Session, user_id: str, now: datetime) -> None:
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
    # From the end: what refers to another row stands after it.
    for table, holding in reversed(tuple(HOLDINGS.items())):
        if holding.at_deletion is AtDeletion.GO:
            name = "user_text" if ":user_text" in holding.owner else "user"
            connection.execute(text(f"DELETE FROM serving.{table} AS t WHERE {holding.owner}"), {name: user_id})
    connection.execute(
        text(
            "UPDATE serving.users SET email = 'deleted-' || user_id || '@invalid', password_hash = NULL, "
            "email_verified_at = NULL, display_name = NULL, time_zone = 'UTC', locale = 'en', "
            "preferences = '{}'::jsonb, role = 'user', status = 'deleted', version = version + 1 WHERE user_id = :user"
        ),
        {"user": user_id},
    )
    record(session, SYSTEM, "account.deleted", target=f"user:{user_id}", now=now)
