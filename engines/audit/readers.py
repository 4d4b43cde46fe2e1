"""What can be audited: engines that go on from a state, and functions of all bars. New ones are registered by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import polars as pl

from engines.audit.compare import Readings
from engines.audit.findings import BadReading
from engines.audit.prefixes import Read
from engines.state import pack, unpack

Frames = Mapping[str, pl.DataFrame]

INDICATORS = Readings("indicators")
STRUCTURE_EVENTS = Readings("structure_events", ("scale", "kind", "direction"), words=("scale", "kind"))
ZONE_EVENTS = Readings("zone_events", ("zone_id", "event"), words=("kind", "event"))
SIGNALS = Readings("signals", ("signal_id",), words=("strategy",))
SIGNAL_OUTCOMES = Readings("signal_outcomes", ("signal_id", "outcome"), words=("strategy", "outcome"))


class Stepper(Protocol):
    """Something that is given bars and shows what they make known, going on from where it stands."""

    def advance(self, bars: pl.DataFrame) -> Frames:
        """Readings that the next bars make known, by table."""
        ...

    def snapshot(self) -> bytes:
        """Where it stands."""
        ...


@dataclass(frozen=True)
class EngineReader:
    """An engine to audit.

    Attributes
    ----------
    name : str
    tables : tuple of Readings
        What it shows; a stepper's `advance` has a frame for each.
    start : callable
        Makes a stepper that has seen none of the bars.
    restore : callable
        Makes one from a snapshot.
    """

    name: str
    tables: tuple[Readings, ...]
    start: Callable[[], Stepper]
    restore: Callable[[bytes], Stepper]


@dataclass(frozen=True)
class FunctionReader:
    """A function of all bars so far to audit: a feature, an indicator of one's own, a library's.

    Attributes
    ----------
    readings : Readings
        Its table's name, and what tells its rows apart.
    read : callable
        Turns bars into a frame with ``ts``.
    """

    readings: Readings
    read: Read

    @property
    def name(self) -> str:
        """Name of its table."""
        return self.readings.table


Reader = EngineReader | FunctionReader
MakeReader = Callable[[str, str], Reader]
"""Makes a reader for a market and a timeframe."""

_REGISTER: dict[str, MakeReader] = {}


def register_reader(name: str, make: MakeReader) -> None:
    """Have a reader audited with the others wherever stored bars are audited.

    Parameters
    ----------
    name : str
    make : callable
        Makes it for a market (``exchange:SYMBOL``) and a timeframe.

    Raises
    ------
    BadReading
        If another reader has the name.
    """
    if _REGISTER.get(name, make) is not make:
        raise BadReading(f"a reader named {name!r} is registered already; give this one another name")
    _REGISTER[name] = make


def registered_readers() -> dict[str, MakeReader]:
    """Readers by name (a copy)."""
    return dict(_REGISTER)


def chain_reader(market: str, timeframe: str, begin: Callable[[], Any] | None = None) -> EngineReader:
    """The chain and the outcomes of its signals.

    Parameters
    ----------
    market, timeframe : str
    begin : callable, optional
        Makes the `engines.chain.Chain` that has seen none of the bars; one with the defaults if not given. A chain restored
        from a stored state makes an audit of the bars after it; its outcomes are those of the signals from there on.
    """

    def start() -> Stepper:
        from engines.chain import Chain
        from engines.signals import OutcomeEngine

        chain = Chain(timeframe=timeframe, market=market) if begin is None else begin()
        return _ChainStepper(chain, OutcomeEngine(timeframe=timeframe, market=market))

    tables = (INDICATORS, STRUCTURE_EVENTS, ZONE_EVENTS, SIGNALS, SIGNAL_OUTCOMES)
    return EngineReader("chain", tables, start, _ChainStepper.restore)


class _ChainStepper:
    """A chain and, behind it, the engine that finds out what became of its signals."""

    _NAME, _VERSION = "chain with outcomes", 1

    def __init__(self, chain: Any, outcomes: Any) -> None:
        self._chain = chain
        self._outcomes = outcomes

    @classmethod
    def restore(cls, data: bytes) -> _ChainStepper:
        """Make one of a snapshot."""
        from engines.chain import Chain
        from engines.signals import OutcomeEngine

        parts = unpack(data, cls._NAME, cls._VERSION).arrays
        return cls(Chain.restore(parts["chain"].tobytes()), OutcomeEngine.restore(parts["outcomes"].tobytes()))

    def advance(self, bars: pl.DataFrame) -> Frames:
        """Rows of all tables."""
        rows = self._chain.advance(bars)
        return {
            INDICATORS.table: rows.indicators,
            STRUCTURE_EVENTS.table: rows.structure,
            ZONE_EVENTS.table: rows.zones,
            SIGNALS.table: rows.signals,
            SIGNAL_OUTCOMES.table: self._outcomes.advance(bars, rows.signals),
        }

    def snapshot(self) -> bytes:
        """States of both."""
        parts = {"chain": self._chain.snapshot(), "outcomes": self._outcomes.snapshot()}
        return pack(
            self._NAME, self._VERSION, {}, {name: np.frombuffer(part, np.uint8) for name, part in parts.items()}
        )


def single_engine_reader(table: Readings, start: Callable[[], Any]) -> EngineReader:
    """An engine whose `advance` takes bars alone and returns one frame, as a reader.

    Parameters
    ----------
    table : Readings
        What its rows are.
    start : callable
        Makes the engine before its first bar, as in ``lambda: IndicatorEngine(timeframe="15m")``.
    """

    def restore(data: bytes) -> Stepper:
        kind = cast("Any", type(start()))
        return _SingleStepper(table.table, kind.restore(data))

    return EngineReader(table.table, (table,), lambda: _SingleStepper(table.table, start()), restore)


class _SingleStepper:
    def __init__(self, table: str, engine: Any) -> None:
        self._table = table
        self._engine = engine

    def advance(self, bars: pl.DataFrame) -> Frames:
        return {self._table: self._engine.advance(bars)}

    def snapshot(self) -> bytes:
        return self._engine.snapshot()


register_reader("chain", chain_reader)
