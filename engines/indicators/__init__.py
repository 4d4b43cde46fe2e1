"""Indicators, one row a bar.

`IndicatorEngine` is loaded when it is first asked for: the catalogue of columns can be read without the compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engines.indicators.engine import IndicatorEngine

__all__ = ["IndicatorEngine"]


def __getattr__(name: str) -> Any:
    if name == "IndicatorEngine":
        from engines.indicators.engine import IndicatorEngine

        return IndicatorEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
