"""What a request handler can ask for: the stores, the time, the vault, the directory of markets, the metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.clock import Clock
from api.connections import Stores
from api.directory import MarketDirectory
from api.draining import Draining
from api.entitlements import Entitlements
from api.limits.buckets import Buckets
from api.metrics import Metrics
from api.security.passwords import Passwords
from api.security.tokens import AccessTokens
from api.security.vault import Vault
from stores.settings import Settings

if TYPE_CHECKING:
    from api.flags import Flags
    from api.reads.signal_pages import SignalPages

_REMEMBER_ANONYMOUS_S = 5.0


@dataclass
class Context:
    """All that an application's requests share."""

    settings: Settings
    stores: Stores
    directory: MarketDirectory
    metrics: Metrics
    clock: Clock
    draining: Draining = field(default_factory=Draining, init=False)
    _anonymous: Entitlements | None = field(default=None, init=False)
    _anonymous_until: float = field(default=float("-inf"), init=False)

    @cached_property
    def vault(self) -> Vault:
        """Seals values; needs the secret key."""
        return Vault.of(self.settings)

    @cached_property
    def tokens(self) -> AccessTokens:
        """Issues and checks access tokens."""
        return AccessTokens(self.vault)

    @cached_property
    def passwords(self) -> Passwords:
        """Hashes and checks passwords, a few at once."""
        return Passwords(self.settings)

    @cached_property
    def flags(self) -> Flags:
        """How features are switched."""
        from api.flags import Flags

        return Flags()

    @cached_property
    def signal_pages(self) -> SignalPages:
        """Pages of signals that were read before."""
        from api.reads.signal_pages import SignalPages

        return SignalPages(self.stores)

    @cached_property
    def buckets(self) -> Buckets:
        """Counts requests for the rate limits."""
        return Buckets(self.settings)

    def remembered_anonymous(self) -> Entitlements | None:
        """Rights of somebody who is not signed in, if they were read a few seconds ago at most."""
        return self._anonymous if time.monotonic() < self._anonymous_until else None

    def last_anonymous(self) -> Entitlements | None:
        """The same, however long ago."""
        return self._anonymous

    def forget_anonymous(self) -> None:
        """Read them anew at the next request: the plans have changed."""
        self._anonymous_until = float("-inf")

    def remember_anonymous(self, entitlements: Entitlements) -> None:
        """Keep them, so that not every such request asks the database."""
        self._anonymous = entitlements
        self._anonymous_until = time.monotonic() + _REMEMBER_ANONYMOUS_S


def context_of(connection: HTTPConnection) -> Context:
    """Find what the application of a request or WebSocket shares."""
    context: Context = connection.app.state.context
    return context


# Async, though nothing is awaited: a plain function would be sent to a thread for every request.
async def _context(connection: HTTPConnection) -> Context:
    return context_of(connection)


async def _stores(connection: HTTPConnection) -> Stores:
    return context_of(connection).stores


async def _directory(connection: HTTPConnection) -> MarketDirectory:
    return context_of(connection).directory


async def _metrics(connection: HTTPConnection) -> Metrics:
    return context_of(connection).metrics


async def _clock(connection: HTTPConnection) -> Clock:
    return context_of(connection).clock


async def _vault(connection: HTTPConnection) -> Vault:
    return context_of(connection).vault


ContextDependency = Annotated[Context, Depends(_context)]
StoresDependency = Annotated[Stores, Depends(_stores)]
DirectoryDependency = Annotated[MarketDirectory, Depends(_directory)]
MetricsDependency = Annotated[Metrics, Depends(_metrics)]
ClockDependency = Annotated[Clock, Depends(_clock)]
VaultDependency = Annotated[Vault, Depends(_vault)]
