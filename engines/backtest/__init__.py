"""Backtest: an event loop over bars and signals, sweeps of parameters, and how far to trust what it finds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engines.backtest.config import (
        BacktestConfig,
        EntryOrder,
        Fees,
        Opposite,
        Sizing,
        Slippage,
        Trailing,
        TrailingKind,
    )
    from engines.backtest.errors import BadBacktest
    from engines.backtest.result import BacktestResult
    from engines.backtest.simulate import PreparedBars, Simulation, backtest
    from engines.backtest.sweeps import SweepResult, run_sweep, sweep

_HOMES = {
    "BacktestConfig": "config",
    "EntryOrder": "config",
    "Fees": "config",
    "Opposite": "config",
    "Sizing": "config",
    "Slippage": "config",
    "Trailing": "config",
    "TrailingKind": "config",
    "BadBacktest": "errors",
    "BacktestResult": "result",
    "PreparedBars": "simulate",
    "Simulation": "simulate",
    "SweepResult": "sweeps",
    "backtest": "simulate",
    "run_sweep": "sweeps",
    "sweep": "sweeps",
}
__all__ = [
    "BacktestConfig",
    "BacktestResult",
    "BadBacktest",
    "EntryOrder",
    "Fees",
    "Opposite",
    "PreparedBars",
    "Simulation",
    "Sizing",
    "Slippage",
    "SweepResult",
    "Trailing",
    "TrailingKind",
    "backtest",
    "run_sweep",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for; a configuration can be read without loading a compiler."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
