"""What a request handler can ask for: the stores, the directory of markets, the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.connections import Stores
from api.directory import MarketDirectory
from api.metrics import Metrics


@dataclass(frozen=True)
class Context:
    """All that an application's requests share."""

    stores: Stores
    directory: MarketDirectory
    metrics: Metrics


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


# Async, though nothing is awaited: a plain function would be sent to a thread for every request.
async def _stores(request: Request) -> Stores:
    return _context(request).stores


async def _directory(request: Request) -> MarketDirectory:
    return _context(request).directory


async def _metrics(request: Request) -> Metrics:
    return _context(request).metrics


StoresDependency = Annotated[Stores, Depends(_stores)]
DirectoryDependency = Annotated[MarketDirectory, Depends(_directory)]
MetricsDependency = Annotated[Metrics, Depends(_metrics)]
