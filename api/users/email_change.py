"""Another address for an account: confirmed at the new one, told to the old one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from api.accounts import people
from api.accounts.one_time import Purpose, digest_of, find, issue, use, void
from api.accounts.people import Account
from api.audit import Actor, record
from api.mail import Template, queue_mail
from api.problems import Problem


def request_change(session: Session, account: Account, new_email: str, actor: Actor, now: datetime) -> None:
    """Send a confirmation to the new address.

    An address that belongs to another account gets a mail that says so and no confirmation: the answer here is the same.
    """
    void(session, account.user_id, Purpose.EMAIL_CHANGE)
    issued = issue(session, Purpose.EMAIL_CHANGE, account.user_id, now, value=new_email)
    taken = people.by_email(session, new_email)
    key = f"email change {digest_of(issued.token).hex()}"
    if taken is not None and taken.user_id != account.user_id:
        queue_mail(session, new_email, Template.ADDRESS_IN_USE, {}, key=key, now=now, locale=taken.locale)
    else:
        context = {"token": issued.token, "expires_at": issued.expires_at.isoformat(timespec="minutes")}
        queue_mail(session, new_email, Template.EMAIL_CHANGE, context, key=key, now=now, locale=account.locale)
    record(session, actor, "email.change_requested", target=f"user:{account.user_id}", now=now)


def confirm_change(session: Session, token: str, actor: Actor, now: datetime) -> None:
    """Bring the new address into force.

    Raises
    ------
    Problem
        ``invalid-token``; ``conflict`` if the address was taken meanwhile.
    """
    held = find(session, Purpose.EMAIL_CHANGE, token, now)
    account = people.by_id(session, held.user_id, hold=True)
    use(session, held)
    if account is None or not account.active or held.value is None:
        return
    try:
        with session.begin_nested():
            session.connection().execute(
                text(
                    "UPDATE serving.users SET email = :email, email_verified_at = :now, version = version + 1 "
                    "WHERE user_id = :user"
                ),
                {"email": held.value, "now": now, "user": held.user_id},
            )
    except IntegrityError:
        raise Problem("conflict", "another account has this address; ask for a change to a different one") from None
    # Whoever reads the old mailbox must not reset the password of the account that left it.
    void(session, held.user_id, Purpose.PASSWORD_RESET, Purpose.VERIFY_EMAIL)
    context = {"at": now.isoformat(timespec="minutes"), "new_email": _masked(held.value)}
    key = f"email changed {held.user_id} {now.isoformat()}"
    queue_mail(session, account.email, Template.EMAIL_CHANGED, context, key=key, now=now, locale=account.locale)
    record(session, actor, "email.changed", target=f"user:{held.user_id}", now=now)


def _masked(email: str) -> str:
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}"
