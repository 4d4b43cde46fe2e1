"""What a backtest came to: numbers of its equity curve and of its trades. `docs/backtest_metrics.md` defines each."""

from engines.backtest.metrics.inputs import Curve, TradeArrays
from engines.backtest.metrics.summary import summary

__all__ = ["Curve", "TradeArrays", "summary"]
