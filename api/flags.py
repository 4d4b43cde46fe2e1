"""Feature flags: a fixed list in code, switched in the database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fastapi import Depends, params
from sqlalchemy import text
from sqlmodel import Session
from starlette.requests import HTTPConnection

from api.connections import Stores
from api.dependencies import context_of
from api.problems import Problem, StoreUnavailable
from api.security.principal import Principal, principal_of

_REMEMBERED_S = 5.0


class Feature(StrEnum):
    """What can be switched. One that is not here is an error, not off."""

    SIGN_UP = "sign_up"
    EXPORTS = "exports"


@dataclass(frozen=True)
class Flag:
    """Whom a feature is on for."""

    enabled: bool = True
    percentage: int = 100
    plans: tuple[str, ...] = ()

    def is_on(self, feature: Feature, who: Principal) -> bool:
        """Whether it is on for somebody; the same answer every time, as long as the flag stays."""
        if not self.enabled:
            return False
        if who.entitlements.plan in self.plans:
            return True
        # A bucket by person and feature: who is among the first ten percent of one is not so of all.
        digest = hashlib.sha256(f"{feature.value} {who.user_id or ''}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % 100 < self.percentage


class Flags:
    """The flags as they were a few seconds ago at most. Safe to share between threads."""

    def __init__(self) -> None:
        self._flags: Mapping[Feature, Flag] = {}
        self._until = float("-inf")

    async def of(self, stores: Stores, feature: Feature) -> Flag:
        """How a feature is switched; as it was last known to be while the database cannot be asked."""
        if time.monotonic() >= self._until:
            try:
                self._flags = await stores.in_session(_read)
            except StoreUnavailable:
                return self._flags.get(feature, Flag())
            self._until = time.monotonic() + _REMEMBERED_S
        return self._flags.get(feature, Flag())

    def forget(self) -> None:
        """Read them anew at the next request."""
        self._until = float("-inf")


def available(feature: Feature) -> params.Depends:
    """Serve a route only to those a feature is on for."""

    async def check(connection: HTTPConnection) -> None:
        context = context_of(connection)
        flag = await context.flags.of(context.stores, feature)
        everybody = flag.enabled and flag.percentage == 100
        if not everybody and not flag.is_on(feature, await principal_of(connection)):
            raise Problem("switched-off", f"{feature.value} is switched off for you at present")

    return Depends(check)


def _read(session: Session) -> dict[Feature, Flag]:
    rows = session.connection().execute(text("SELECT name, enabled, percentage, plans FROM serving.feature_flags"))
    # A row of a feature that a newer or older version of the code knows is left alone.
    known = {feature.value: feature for feature in Feature}
    return {known[row.name]: Flag(row.enabled, row.percentage, tuple(row.plans)) for row in rows if row.name in known}
