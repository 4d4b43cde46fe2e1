"""A try to show a password: counted, computed alike for everybody, and settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from api.accounts import people
from api.accounts.guessing import Count, Kind, Subject, count, settle_right
from api.accounts.people import Account
from api.audit import Actor, record
from api.dependencies import Context
from api.mail import Template, queue_mail
from api.problems import invalid
from api.security.principal import Principal


async def show_password(context: Context, email: str, password: str, actor: Actor) -> Account | None:
    """Judge a password for an address.

    Returns
    -------
    Account, optional
        None if it is wrong, or there is no such account, or nobody may sign in to it.

    Raises
    ------
    Problem
        ``too-many-requests`` if the account or the address has to wait; ``busy`` if too many are judged at once.
    """
    now = context.clock()
    by_account = Subject.of(context.vault, Kind.ACCOUNT, email)
    by_address = Subject.of(context.vault, Kind.ADDRESS, actor.address)

    def begin(session: Session) -> tuple[Account | None, Count]:
        counted = count(session, (by_account, by_address), now)
        return people.by_email(session, email), counted[0]

    async with context.passwords.turn() as turn:
        account, counted = await context.stores.in_session(begin)
        known = account.password_hash if account is not None and account.may_sign_in else None
        good = await turn.check(known, password)
        renewed = None
        if good and known is not None and context.passwords.is_outdated(known):
            renewed = await turn.hash(password)

    def settle(session: Session) -> None:
        if not good or account is None:
            if counted.just_locked and account is not None and account.may_sign_in:
                tell_locked(session, account, counted, actor, now)
            return
        if known is not None and renewed is not None:
            people.replace_password(session, account.user_id, known, renewed)
        settle_right(session, (by_account, by_address), now)

    await context.stores.in_session(settle)
    if account is None or not good:
        return None
    return account if renewed is None else replace(account, password_hash=renewed)


async def shown_again(context: Context, who: Principal, password: str, actor: Actor, field: str) -> Account:
    """Have somebody who is signed in show his password again.

    Raises
    ------
    Problem
        ``invalid-parameters`` if it is wrong; ``too-many-requests``; ``busy``.
    """
    account = await context.stores.in_session(lambda session: people.by_id(session, who.person))
    shown = None if account is None else await show_password(context, account.email, password, actor)
    if shown is None:
        raise invalid(field, "this is not your password")
    return shown


def tell_locked(session: Session, account: Account, counted: Count, actor: Actor, now: datetime) -> None:
    """Tell the owner that signing in to his account is paused, and keep a record."""
    until = counted.blocked_until.isoformat(timespec="seconds")
    key = f"locked {account.user_id} {counted.subject.kind} {until}"
    queue_mail(
        session, account.email, Template.ACCOUNT_LOCKED, {"until": until}, key=key, now=now, locale=account.locale
    )
    details = {"until": until, "by": counted.subject.kind.value}
    record(session, actor, "account.locked", target=f"user:{account.user_id}", now=now, details=details)
