"""Indicators, one row a bar."""

from engines.indicators.engine import IndicatorEngine

__all__ = ["IndicatorEngine"]
