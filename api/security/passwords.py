"""Password hashes: Argon2id in a few threads of their own, so that guessing cannot take the machine from other work."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from api.problems import Problem
from stores.settings import Settings

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

_WAITING = 64
"""Requests that may wait for their turn; at 15 ms a hash they wait half a second."""
_RETRY_AFTER_S = 2


class Passwords:
    """Hashes and checks passwords.

    Parameters
    ----------
    settings : Settings
        With the cost of a hash, and how many are computed at once.

    Attributes
    ----------
    computed : int
        Hashes computed so far: what an answer's time depends on.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limiter: anyio.CapacityLimiter | None = None
        self._inside = 0
        self.computed = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Turn]:
        """Wait for a turn. Whatever decides whether a hash is computed belongs inside.

        Raises
        ------
        Problem
            ``busy`` if too many wait already.
        """
        width = self._settings.password_width
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(width)
        if self._inside >= width + _WAITING:
            raise Problem("busy", "too many sign in at once; try again", headers={"Retry-After": str(_RETRY_AFTER_S)})
        self._inside += 1
        try:
            async with self._limiter:
                yield Turn(self)
        finally:
            self._inside -= 1

    def hash(self, password: str) -> str:
        """Hash a password, in this thread."""
        self.computed += 1
        return self._hasher.hash(password)

    def check(self, password_hash: str | None, password: str) -> bool:
        """Check a password, in this thread. Without a hash the same work is done, and the answer is no."""
        from argon2.exceptions import InvalidHashError, VerificationError

        self.computed += 1
        try:
            return self._hasher.verify(password_hash or self._nobodys, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made at another cost than is set now."""
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        return PasswordHasher(
            time_cost=self._settings.password_passes, memory_cost=self._settings.password_memory_kib, parallelism=1
        )

    @cached_property
    def _nobodys(self) -> str:
        # Of a password nobody can type: it is only ever compared in vain.
        import secrets

        return self._hasher.hash(secrets.token_bytes(32))


class Turn:
    """The right to compute, one thing after the other."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    async def hash(self, password: str) -> str:
        """Hash a password."""
        return await self._run(lambda: self._passwords.hash(password))

    async def check(self, password_hash: str | None, password: str) -> bool:
        """Check a password."""
        return await self._run(lambda: self._passwords.check(password_hash, password))

    async def _run(self, work: Callable[[], T]) -> T:
        # The turn is the limit; anyio's own, shared with everything else, must not come on top.
        return await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))
