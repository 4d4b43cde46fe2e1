"""An administrator's deed: one transaction, with a record of who did what, to whom and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.responses import Response

from api.audit import Actor, record
from api.billing.books import Books
from api.dependencies import Context, context_of
from api.security.principal import Principal, PrincipalDependency
from api.writes import Made, WriteDependency, Writes


class Deed:
    """What one session does in an administrator's name."""

    def __init__(self, session: Session, context: Context, actor: Actor) -> None:
        self.session = session
        self.context = context
        self.actor = actor
        self.now: datetime = context.clock()

    @property
    def administrator(self) -> str:
        """``user_id`` of who acts."""
        assert self.actor.user_id is not None  # noqa: S101 - only administrators get here
        return self.actor.user_id

    @property
    def books(self) -> Books:
        """The books of billing, in this name."""
        return Books(self.session, self.context.settings, self.context.vault, self.now, self.actor)

    def record(self, action: str, target: str, **details: Any) -> None:
        """Record it."""
        record(self.session, self.actor, f"admin.{action}", target=target, now=self.now, details=details)


class Acting:
    """Runs deeds of the caller."""

    def __init__(self, request: Request, who: Principal, write: Writes) -> None:
        self.context = context_of(request)
        self.actor = Actor.of(who, request)
        self._write = write

    async def read(self, work: Callable[[Deed], Any]) -> Any:
        """Run what answers with a value."""
        return await self.context.stores.in_session(lambda session: work(Deed(session, self.context, self.actor)))

    async def write(self, work: Callable[[Deed], Made]) -> Response:
        """Run what makes or changes something; safe to repeat with an ``Idempotency-Key``."""
        return await self._write(lambda session: work(Deed(session, self.context, self.actor)))


async def _acting(request: Request, who: PrincipalDependency, write: WriteDependency) -> Acting:
    return Acting(request, who, write)


ActingDependency = Annotated[Acting, Depends(_acting)]
