"""New passwords: by somebody who knows the old one, or by the owner of the mailbox."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlmodel import Session

from api.accounts import one_time, people
from api.accounts.guessing import Kind, Subject, forget
from api.accounts.one_time import Purpose
from api.accounts.people import Account
from api.accounts.sessions import revoke_all
from api.audit import Actor, record
from api.mail import Template, queue_mail
from api.security.vault import Vault


def request_reset(session: Session, email: str, now: datetime) -> None:
    """Mail a token for a new password to the owner of an account; nothing happens for any other address."""
    account = people.by_email(session, email)
    if account is None or not account.active:
        return
    issued = one_time.issue(session, Purpose.PASSWORD_RESET, account.user_id, now)
    context = {"token": issued.token, "expires_at": issued.expires_at.isoformat(timespec="seconds")}
    key = f"reset {account.user_id} {uuid.uuid4()}"
    queue_mail(session, account.email, Template.PASSWORD_RESET, context, key=key, now=now, locale=account.locale)


def owner_of_reset(session: Session, token: str, now: datetime) -> Account | None:
    """Find whose password a token is for, without using it.

    Raises
    ------
    Problem
        ``invalid-token``
    """
    held = one_time.find(session, Purpose.PASSWORD_RESET, token, now)
    return people.by_id(session, held.user_id)


def reset(vault: Vault, session: Session, token: str, password_hash: str, actor: Actor, now: datetime) -> None:
    """Set a new password for a mailed token. It proves the mailbox, so the address counts as confirmed.

    Raises
    ------
    Problem
        ``invalid-token``
    """
    held = one_time.find(session, Purpose.PASSWORD_RESET, token, now)
    account = people.by_id(session, held.user_id, hold=True)
    one_time.use(session, held)
    if account is None or not account.active:
        return
    people.set_verified(session, account.user_id, now)
    # Whoever reads the mail may go on at once, though somebody else's guesses have paused the account.
    forget(session, Subject.of(vault, Kind.ACCOUNT, account.email))
    _set(session, account, password_hash, None, "password.reset", actor, now)


def change(
    session: Session, account: Account, password_hash: str, session_id: str | None, actor: Actor, now: datetime
) -> None:
    """Set a new password for somebody who has shown the old one; every other session of his ends."""
    _set(session, account, password_hash, session_id, "password.changed", actor, now)


def _set(
    session: Session,
    account: Account,
    password_hash: str,
    kept: str | None,
    action: str,
    actor: Actor,
    now: datetime,
) -> None:
    people.set_password(session, account.user_id, password_hash)
    # A pending confirmation could bring another password into force.
    one_time.void(session, account.user_id)
    ended = revoke_all(session, account.user_id, now, but=kept)
    at = now.isoformat(timespec="seconds")
    key = f"password changed {account.user_id} {uuid.uuid4()}"
    queue_mail(session, account.email, Template.PASSWORD_CHANGED, {"at": at}, key=key, now=now, locale=account.locale)
    record(session, actor, action, target=f"user:{account.user_id}", now=now, details={"sessions_ended": ended})
