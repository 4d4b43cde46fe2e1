"""Signing in: a password, a second factor where there is one, then a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlmodel import Session

from api.accounts import one_time, people, second_factor
from api.accounts.attempts import show_password, tell_locked
from api.accounts.guessing import Kind, Subject, count, forget
from api.accounts.one_time import Issued, Purpose
from api.accounts.people import Account
from api.accounts.sessions import Client, Opened, is_new_device, open_session
from api.audit import Actor, record
from api.dependencies import Context
from api.mail import Template, queue_mail
from api.problems import Problem
from api.security.principal import unauthenticated

_log = structlog.get_logger("api")
_NOT_LET_IN = "the address or the password is wrong, or the account is not open; a new one opens with the mailed link"
_WRONG_CODE = "the code is wrong or was used, or the sign-in took too long; sign in again if it goes on"


@dataclass(frozen=True)
class Challenge:
    """What a code of the second factor has to come with."""

    issued: Issued


async def sign_in(context: Context, email: str, password: str, client: Client, actor: Actor) -> Opened | Challenge:
    """Open a session for a password, or ask for the second factor.

    Raises
    ------
    Problem
        ``unauthenticated``, in the same words whatever is wrong; ``too-many-requests``; ``busy``.
    """
    account = await show_password(context, email, password, actor)
    if account is None:
        raise _refused(context, actor, _NOT_LET_IN)
    now = context.clock()

    def work(session: Session) -> Opened | Challenge | None:
        # Held, and looked at again: a password that was changed since it was judged opens nothing.
        present = people.by_id(session, account.user_id, hold=True)
        if present is None or not present.may_sign_in or present.password_hash != account.password_hash:
            return None
        if second_factor.status_of(session, account.user_id).enabled:
            return Challenge(one_time.issue(session, Purpose.SIGN_IN, account.user_id, now))
        return _open(context, session, account, client, actor, now, with_second_factor=False)

    found = await context.stores.in_session(work)
    if found is None:
        raise _refused(context, actor, _NOT_LET_IN)
    context.metrics.sign_in("challenged" if isinstance(found, Challenge) else "opened")
    return found


async def show_second_factor(context: Context, challenge: str, code: str, client: Client, actor: Actor) -> Opened:
    """Open a session for a challenge and a code.

    Raises
    ------
    Problem
        ``unauthenticated`` if either is wrong; ``too-many-requests``.
    """
    now = context.clock()

    def work(session: Session) -> Opened | None:
        # Nothing here may raise once a guess is counted: the count would be taken back with the rest.
        held = one_time.find_or_none(session, Purpose.SIGN_IN, challenge, now)
        if held is None:
            return None
        account = people.by_id(session, held.user_id, hold=True)
        if account is None or not account.may_sign_in:
            return None
        # Once more, now that the account is held: another request may have used it, or a new password voided it.
        if one_time.find_or_none(session, Purpose.SIGN_IN, challenge, now) is None:
            return None
        if not try_code(context, session, account, code, actor, now):
            return None
        one_time.use(session, held)
        return _open(context, session, account, client, actor, now, with_second_factor=True)

    opened = await context.stores.in_session(work)
    if opened is None:
        raise _refused(context, actor, _WRONG_CODE)
    return opened


def try_code(context: Context, session: Session, account: Account, code: str, actor: Actor, now: datetime) -> bool:
    """Judge a code of the second factor, and count it if it is wrong; the count has to be committed.

    Raises
    ------
    Problem
        ``too-many-requests`` if the account has to wait.
    """
    subject = Subject.of(context.vault, Kind.SECOND_FACTOR, account.user_id)
    (counted,) = count(session, (subject,), now)
    if second_factor.accept(context.vault, session, account.user_id, code, now):
        forget(session, subject)
        return True
    if counted.just_locked:
        tell_locked(session, account, counted, actor, now)
    return False


def _refused(context: Context, actor: Actor, detail: str) -> Problem:
    # Not the address that was typed: people type passwords into the wrong field.
    _log.info("sign_in_refused", by=actor.means, address=actor.address)
    context.metrics.sign_in("refused")
    return unauthenticated(detail)


def _open(
    context: Context,
    session: Session,
    account: Account,
    client: Client,
    actor: Actor,
    now: datetime,
    *,
    with_second_factor: bool,
) -> Opened:
    is_new = is_new_device(session, account.user_id, client)
    opened = open_session(context, session, account.user_id, client, now, second_factor=with_second_factor)
    if is_new:
        seen = {"at": now.isoformat(timespec="seconds"), "device": client.device, "address": client.address}
        key = f"new sign-in {opened.session_id}"
        queue_mail(session, account.email, Template.NEW_SIGN_IN, seen, key=key, now=now, locale=account.locale)
    by_himself = Actor(account.user_id, actor.means, None, actor.address, actor.request_id)
    details = {"session": opened.session_id, "second_factor": with_second_factor}
    record(session, by_himself, "session.opened", target=f"user:{account.user_id}", now=now, details=details)
    return opened
