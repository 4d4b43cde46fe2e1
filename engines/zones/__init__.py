"""Zones: order blocks, breakers, fair value gaps and liquidity pools, each with its life as events."""

from engines.zones.engine import ZoneEngine
from engines.zones.rows import ZoneEvent, ZoneKind, ZoneRows

__all__ = ["ZoneEngine", "ZoneEvent", "ZoneKind", "ZoneRows"]
