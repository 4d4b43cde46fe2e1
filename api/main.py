"""The application: assembly only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from api import logs, problems
from api.clock import Clock, system_clock
from api.connections import Stores
from api.dashboard import add_dashboard
from api.dependencies import Context
from api.directory import MarketDirectory
from api.metrics import Metrics
from api.middleware import RequestContext
from api.observability import tracing
from api.openapi import describe
from api.routers import (
    admin_people,
    admin_platform,
    alerts,
    api_keys,
    auth,
    backtests,
    bar_stream,
    billing,
    channels,
    health,
    invoices,
    latest,
    markets,
    performance,
    plans,
    problem_types,
    second_factor,
    series,
    signals,
    stream,
    subscriptions,
    users,
    watchlists,
    webhooks,
    zones,
)
from api.security.access import check_declared
from api.streams.bars import BarFeeds
from api.streams.hub import Hub
from stores.settings import Settings, get_settings

if TYPE_CHECKING:
    app: FastAPI

_DESCRIPTION = """
Candles, indicators, market structure, zones and published signals, read from what the asset graph has stored.

- Times are RFC 3339, UTC, milliseconds. `ts` is a bar's **open** time; a row is known when its bar closes.
- Lists are `{"items": [...], "next_cursor": ...}`; hand `next_cursor` over as `cursor`, with the same filters, until it
  is null.
- Errors are `application/problem+json` (RFC 9457).
- Replies from simulated markets say `"simulated": true`.
"""
_TAGS = [
    {"name": "market data", "description": "What the engines read from the bars."},
    {"name": "signals", "description": "What was published, and what became of it."},
    {"name": "alerts", "description": "What you want to be told of, and how."},
    {"name": "webhooks", "description": "Events sent to addresses of yours, signed, until they get through."},
    {"name": "backtests", "description": "Strategies traded on stored bars after costs, judged honestly."},
    {"name": "sign-in", "description": "Accounts, sessions, passwords and second factors."},
    {"name": "billing", "description": "Plans, subscriptions and invoices."},
    {"name": "admin", "description": "For administrators, signed in with a second factor."},
    {"name": "operations", "description": "Health and metrics."},
]


class Service(StrEnum):
    """The services of the API. One process may run all of them or some."""

    AUTH = "auth"
    USERS = "users"
    SUBSCRIPTIONS = "subscriptions"
    SIGNALS = "signals"
    MARKET_DATA = "market-data"
    ADMIN = "admin"


SERVICES: Mapping[Service, tuple[ModuleType, ...]] = {
    Service.AUTH: (auth, second_factor),
    Service.USERS: (users, api_keys, watchlists),
    Service.SUBSCRIPTIONS: (plans, subscriptions, billing, invoices),
    Service.SIGNALS: (stream, signals, performance, webhooks, alerts, channels, backtests),
    Service.MARKET_DATA: (markets, series, bar_stream, zones, latest),
    Service.ADMIN: (admin_people, admin_platform),
}
"""Routers of each service."""
# The addresses of the streams and of the export would be ids of signals to the router of those.
_ASKED_MOST = (stream, signals, series, latest)
_ALWAYS = (health, problem_types)


def create_app(
    settings: Settings | None = None,
    *,
    services: Collection[Service] | None = None,
    clock: Clock = system_clock,
) -> FastAPI:
    """Make the application. No store is connected before the first request needs it.

    Parameters
    ----------
    settings : Settings, optional
        Read from the environment if not given.
    services : collection of Service, optional
        Those this process runs; those of the settings if not given, and all if those name none.
    clock : callable
        The time by which everything is decided.

    Raises
    ------
    UncheckedRoute
        If a route does not say who may call it.
    """
    settings = settings if settings is not None else get_settings()
    if services is None:
        services = [Service(name) for name in settings.services] or tuple(Service)
    logs.configure(settings)
    metrics = Metrics()
    stores = Stores(settings, metrics)
    context = Context(settings, stores, MarketDirectory(), metrics, clock)
    hub = Hub(context)
    context.draining.on_begin(hub.drain)
    bar_feeds = BarFeeds(context)
    context.draining.on_begin(bar_feeds.drain)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        stores.prepare()
        yield
        await hub.close()
        await context.buckets.close()
        await stores.statements.close()
        stores.close()

    application = FastAPI(
        title="Crypto Analytics Platform",
        summary="Trading signals that can be trusted, and all that they are made of.",
        description=_DESCRIPTION,
        version=_version(),
        openapi_tags=_TAGS,
        redoc_url=None,
        docs_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry=tracing.start(logs.redactor_of(settings)),
        middleware=[
            Middleware(RequestContext, metrics=metrics),
            Middleware(GZipMiddleware, minimum_size=1_024, compresslevel=4),
        ],
    )
    application.state.context = context
    application.state.hub = hub
    application.state.bar_feeds = bar_feeds
    problems.install(application)
    modules = [*_ALWAYS, *(module for service in Service if service in services for module in SERVICES[service])]
    for module in modules:
        check_declared(module.router)
    # A path is looked for in one router after the other: what is asked most comes first.
    for module in sorted(modules, key=lambda module: module not in _ASKED_MOST):
        application.include_router(module.router)

    add_dashboard(application, settings.ui_dir)

    def openapi() -> dict[str, Any]:
        return describe(application, [module.router for module in modules])

    application.openapi = openapi
    return application


def _version() -> str:
    try:
        return version("crypto-analytics-platform")
    except PackageNotFoundError:
        return "0"


def __getattr__(name: str) -> FastAPI:
    # For `uvicorn api.main:app`: importing this module makes no application and reads no settings.
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = create_app()
    globals()["app"] = made
    return made
