"""A served API over real stores, with a small world of known rows in them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI

from api.clock import Clock, system_clock
from api.main import create_app
from deploy.local.stack import LocalStack
from stores import database, warehouse
from stores.settings import Settings
from tests.api.world import fill
from tests.stack_fixtures import empty


@dataclass(frozen=True)
class Served:
    """A running API: ask it with ``client``; ``settings`` are those of its stores."""

    app: FastAPI
    client: httpx.Client
    settings: Settings
    port: int


@contextmanager
def serve(
    settings: Settings, routers: Sequence[APIRouter] = (), clock: Clock = system_clock, port: int = 0
) -> Iterator[Served]:
    """Run an application, with routers of the test's own, behind a real server on a port of its own."""
    app = create_app(settings, clock=clock)
    for router in routers:
        app.include_router(router)
    with socket.create_server(("127.0.0.1", port)) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error", proxy_headers=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.started
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield Served(app, client, settings, port)
        finally:
            server.should_exit = True
            thread.join(timeout=30)


@pytest.fixture(scope="module")
def world(stack: LocalStack) -> LocalStack:
    """The shared stack, emptied, migrated and filled."""
    empty(stack)
    warehouse.migrate(stack.settings)
    database.migrate(stack.settings)
    fill(stack.settings)
    return stack


@pytest.fixture(scope="module")
def served(world: LocalStack) -> Iterator[Served]:
    """The API over that world."""
    with serve(world.settings) as running:
        yield running
