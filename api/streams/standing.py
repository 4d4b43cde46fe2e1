"""Who reads a stream and what he may have, found again every few seconds while it is open.

Readers with the same credentials share one standing. What it says holds until an instant that is never beyond the next
change that is known beforehand, such as the end of a paid period: after it nothing is sent before it was found anew. So
such a change counts from its very instant on; what somebody does (signing out, revoking a key) counts within seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from api.dependencies import Context
from api.entitlements import Entitlements, entitlements_of, entitlements_of_many
from api.problems import Problem
from api.security.principal import Principal, Scope, find_by_key, sessions_still_good

if TYPE_CHECKING:
    from sqlmodel import Session

HORIZON = timedelta(seconds=30)
_FINE = timedelta(milliseconds=50)


@dataclass(frozen=True)
class Credentials:
    """What a reader showed, kept while his stream is open.

    Attributes
    ----------
    who : Principal
        As he was found at the start.
    presented : str
        His API key, if that is what he showed.
    address : str
    """

    who: Principal
    presented: str = field(default="", repr=False)
    address: str = ""

    @property
    def name(self) -> str:
        """The same for all streams whose standing is the same."""
        who = self.who
        if who.key_id is not None:
            # A key may be good from one address only.
            return f"key {who.key_id} {self.address}"
        return "anonymous" if who.session_id is None else f"session {who.session_id}"


@dataclass(eq=False)
class Standing:
    """What the readers with the same credentials may have now.

    Attributes
    ----------
    credentials : Credentials
    entitlements : Entitlements
    good_until : datetime
        What is said here holds before this instant.
    refused : bool
        The credentials are no longer good.
    forbidden : bool
        They are good, and no longer for streams.
    version : int
        Grows with each change.
    """

    credentials: Credentials
    entitlements: Entitlements
    good_until: datetime
    refused: bool = False
    forbidden: bool = False
    version: int = 0
    readers: int = 0
    checked_at: float = 0.0


@dataclass(frozen=True)
class _Found:
    entitlements: Entitlements | None
    forbidden: bool
    good_until: datetime


async def check(context: Context, standings: Sequence[Standing]) -> list[Standing]:
    """Find standings anew; returns those that changed.

    Raises
    ------
    StoreUnavailable
        If the database does not answer; they stay as they were, and run out.
    """
    now = context.clock()
    found = await context.stores.in_session(lambda session: _find(context, session, standings, now))
    changed: list[Standing] = []
    for standing, new in zip(standings, found, strict=True):
        standing.checked_at = asyncio.get_running_loop().time()
        before = (standing.entitlements, standing.refused, standing.forbidden)
        standing.refused = new.entitlements is None
        standing.forbidden = new.forbidden
        standing.entitlements = new.entitlements or standing.entitlements
        standing.good_until = new.good_until
        if before != (standing.entitlements, standing.refused, standing.forbidden):
            standing.version += 1
            changed.append(standing)
    return changed


def _find(context: Context, session: Session, standings: Sequence[Standing], now: datetime) -> list[_Found]:
    """Find all of them in two queries, however many; only API keys are looked up one by one."""
    people = [standing.credentials.who for standing in standings]
    sessions = {who.session_id for who in people if who.session_id is not None}
    good = sessions_still_good(session, sessions, now) if sessions else frozenset[str]()
    later = now + HORIZON
    rights = entitlements_of_many(session, {who.user_id for who in people}, (now, later))
    found: list[_Found] = []
    for standing in standings:
        credentials = standing.credentials
        who, forbidden = credentials.who, False
        if who.session_id is not None and who.session_id not in good:
            found.append(_Found(None, False, later))
            continue
        if who.key_id is not None:
            try:
                key = find_by_key(context, session, credentials.presented, credentials.address)
            except Problem:
                found.append(_Found(None, False, later))
                continue
            forbidden = Scope.SIGNALS_STREAM not in key.scopes
        present, until = rights[who.user_id, now], later
        if rights[who.user_id, later] != present:

            def at(moment: datetime, user: str | None = who.user_id) -> Entitlements:
                return entitlements_of(session, user, moment)

            until = holds_until(at, present, now)
        found.append(_Found(present, forbidden, until))
    return found


def holds_until(at: Callable[[datetime], Entitlements], present: Entitlements, now: datetime) -> datetime:
    """Find an instant before which entitlements stay as they are: the horizon, or just before they change.

    Parameters
    ----------
    at : callable
        Gives the entitlements of an instant.
    present : Entitlements
    now : datetime
    """
    low, high = now, now + HORIZON
    if at(high) == present:
        return high
    while high - low > _FINE:
        middle = low + (high - low) / 2
        if at(middle) == present:
            low = middle
        else:
            high = middle
    # Never `now` itself, or a reader would wait for an instant that passes for ever.
    return max(low, now + timedelta(microseconds=1))
