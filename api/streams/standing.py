"""Who reads a stream and what he may have, found again every few seconds while it is open.

Readers with the same credentials share one standing. What it says holds until an instant that is never beyond the next
change that is known beforehand, such as the end of a paid period: after it nothing is sent before it was found anew. So
such a change counts from its very instant on; what somebody does (signing out, revoking a key) counts within seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from api.dependencies import Context
from api.entitlements import Entitlements, entitlements_of
from api.problems import Problem
from api.security.principal import Principal, Scope, find_again

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
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True)
class _Found:
    entitlements: Entitlements | None
    forbidden: bool
    good_until: datetime


async def check(context: Context, standing: Standing) -> bool:
    """Find a standing anew; returns whether it changed.

    Raises
    ------
    StoreUnavailable
        If the database does not answer; the standing stays as it was, and runs out.
    """
    async with standing.lock:
        now = context.clock()
        credentials = standing.credentials
        found = await context.stores.in_session(lambda session: _find(context, session, credentials, now))
        standing.checked_at = asyncio.get_running_loop().time()
        before = (standing.entitlements, standing.refused, standing.forbidden)
        standing.refused = found.entitlements is None
        standing.forbidden = found.forbidden
        if found.entitlements is not None:
            standing.entitlements = found.entitlements
        standing.good_until = found.good_until
        changed = before != (standing.entitlements, standing.refused, standing.forbidden)
        standing.version += changed
        return changed


def _find(context: Context, session: Session, credentials: Credentials, now: datetime) -> _Found:
    try:
        who = find_again(context, session, credentials.who, credentials.presented, credentials.address, now)
    except Problem:
        return _Found(None, False, now + HORIZON)

    def at(moment: datetime) -> Entitlements:
        return entitlements_of(session, who.user_id, moment)

    return _Found(who.entitlements, Scope.SIGNALS_STREAM not in who.scopes, holds_until(at, who.entitlements, now))


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
