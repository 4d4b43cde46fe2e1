"""Stops that move, in plain Python: Wilder's average from all bars again, at every close."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from engines.backtest.config import BacktestConfig, TrailingKind
from engines.backtest.rows import Reason
from tests.engines.reference.backtest_book import Bar, Position


def follow(position: Position, bar: Bar, config: BacktestConfig, bars: list[Bar]) -> None:
    """What happens to the stop at a close; ``bars`` are all of the market, this one last."""
    side = position.direction
    reached = bar.high if side > 0 else bar.low
    if position.lived == 1 and position.best_is_close:
        reached = bar.close
    position.reached(reached)
    if position.closing is not None:
        return
    level = trailed(position, config, bars)
    if level is not None:
        move(position, level, Reason.TRAILING)
    if config.break_even and position.target_1_filled:
        move(position, position.average, Reason.BREAK_EVEN)


def trailed(position: Position, config: BacktestConfig, bars: list[Bar]) -> Decimal | None:
    trailing, best, side = config.trailing, position.best, position.direction
    if trailing is None or best is None:
        return None
    first = position.signal.stop
    if first is not None:
        needed = Decimal(trailing.activation_r) * abs(position.average - first)
        if (best - position.average) * side < needed:
            return None
    distance = Decimal(trailing.distance)
    if trailing.kind is TrailingKind.PERCENT:
        return best * (1 - side * distance / 100)
    average = average_true_range(bars, trailing.atr_period)
    return None if average is None else best - side * distance * average


def move(position: Position, level: Decimal, reason: Reason) -> None:
    """Towards the winning side only."""
    if position.stop is None or (level - position.stop) * position.direction > 0:
        position.stop = level
        position.stop_reason = reason


def average_true_range(bars: list[Bar], period: int) -> Decimal | None:
    """Wilder's: the mean of the first ``period`` true ranges, which begin at the second bar, then smoothed."""
    ranges = [max(bar.high, before.close) - min(bar.low, before.close) for before, bar in pairwise(bars)]
    if len(ranges) < period:
        return None
    value = sum(ranges[:period], Decimal(0)) / period
    for one in ranges[period:]:
        value = (value * (period - 1) + one) / period
    return value
