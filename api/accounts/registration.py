"""Opening an account. Nobody but the owner of a mailbox learns whether it has one."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from api.accounts import people
from api.accounts.one_time import Purpose, find, issue, use, void
from api.accounts.people import Account
from api.accounts.sessions import revoke_all
from api.audit import Actor, record
from api.mail import Template, queue_mail


def register(session: Session, email: str, password_hash: str, actor: Actor, now: datetime) -> None:
    """Open an account, to be confirmed by mail; the owner of an existing one is told of the attempt instead.

    The password travels with the mailed token and counts from the confirmation on. So whoever registers somebody else's
    address first has not chosen the password of the account that its owner later confirms.
    """
    user_id = str(uuid.uuid4())
    made = session.connection().execute(
        text(
            "INSERT INTO serving.users (user_id, email, created_at) VALUES (:user, :email, :now) "
            "ON CONFLICT (lower(email)) DO NOTHING"
        ),
        {"user": user_id, "email": email, "now": now},
    )
    account = people.by_email(session, email, hold=True)
    if account is None or not account.active:
        return
    if made.rowcount:
        record(session, actor, "account.registered", target=f"user:{user_id}", now=now)
    if account.verified:
        key = f"in use {account.user_id} {uuid.uuid4()}"
        queue_mail(session, account.email, Template.ADDRESS_IN_USE, {}, key=key, now=now, locale=account.locale)
    else:
        # One made by an administrator has its password already.
        chosen = password_hash if account.password_hash is None else None
        _send_verification(session, account, chosen, now)


def resend_verification(session: Session, email: str, now: datetime) -> None:
    """Send the newest confirmation again, if one is open."""
    account = people.by_email(session, email, hold=True)
    if account is None or not account.active or account.verified:
        return
    newest = (
        session.connection()
        .execute(
            text(
                "SELECT value FROM serving.one_time_tokens WHERE user_id = :user AND purpose = :purpose "
                "ORDER BY created_at DESC LIMIT 1"
            ),
            {"user": account.user_id, "purpose": Purpose.VERIFY_EMAIL.value},
        )
        .one_or_none()
    )
    if newest is not None:
        _send_verification(session, account, newest.value, now)


def verify_email(session: Session, token: str, actor: Actor, now: datetime) -> None:
    """Confirm an address; the password chosen with this very registration counts from now on.

    Raises
    ------
    Problem
        ``invalid-token``
    """
    held = find(session, Purpose.VERIFY_EMAIL, token, now)
    account = people.by_id(session, held.user_id, hold=True)
    use(session, held)
    void(session, held.user_id, Purpose.VERIFY_EMAIL, Purpose.PASSWORD_RESET)
    if account is None or account.verified or not account.active:
        return
    if held.value is not None:
        people.set_password(session, held.user_id, held.value)
        revoke_all(session, held.user_id, now)
    people.set_verified(session, held.user_id, now)
    record(session, actor, "account.verified", target=f"user:{held.user_id}", now=now)


def _send_verification(session: Session, account: Account, password_hash: str | None, now: datetime) -> None:
    issued = issue(session, Purpose.VERIFY_EMAIL, account.user_id, now, value=password_hash)
    context = {"token": issued.token, "expires_at": issued.expires_at.isoformat(timespec="seconds")}
    key = f"verify {account.user_id} {uuid.uuid4()}"
    queue_mail(session, account.email, Template.VERIFY_EMAIL, context, key=key, now=now, locale=account.locale)
