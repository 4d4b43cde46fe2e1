"""Files of strategies as users write them: good ones, and each kind of bad one."""

from __future__ import annotations

HEAD = """from typing import NamedTuple
import numpy as np
from engines.signals.authoring import propose, strategy
from engines.signals.view import ATR_14, EMA_9, EMA_50
"""

CROSS = (
    HEAD
    + """
class Parameters(NamedTuple):
    stop_atr: float = 1.5

class Memory(NamedTuple):
    side: np.ndarray

@strategy(name="averages_crossed", reasons=("crossed",), parameters=Parameters(), memory=Memory(np.zeros(1, np.int64)))
def decide(t, view, parameters, memory, rows, n):
    gap = view.indicators[EMA_9, t] - view.indicators[EMA_50, t]
    side = 1 if gap > 0.0 else -1
    crossed = side * memory.side[0] < 0
    memory.side[0] = side
    if not crossed:
        return n
    close = view.bars.close[t]
    risk = side * parameters.stop_atr * view.indicators[ATR_14, t]
    return propose(t, view, rows, n, side, close - risk, close + risk, close + 2.0 * risk, 0.5, 1)
"""
)


def deciding(body: str, name: str = "tried_out", before: str = "") -> str:
    """A file whose strategy decides by these lines; ``signal`` in them stands for a plain long signal."""
    signal = "propose(t, view, rows, n, 1, close * 0.99, close * 1.01, np.nan, 0.5, 1)"
    lines = "\n".join(f"    {line}" for line in body.replace("SIGNAL", signal).splitlines())
    return (
        f"{HEAD}{before}\n@strategy(name={name!r}, reasons=('tried',))\n"
        f"def decide(t, view, parameters, memory, rows, n):\n    close = view.bars.close[t]\n{lines}\n    return n\n"
    )


PEEKS = deciding("if t % 7 == 0 and view.bars.close[t + 1] > close:\n    return SIGNAL")
LOOKS_AT_LAST = deciding("if t % 7 == 0 and view.bars.close[view.bars.close.shape[0] - 1] > close:\n    return SIGNAL")
LOOKS_BACK = deciding("if close > view.bars.high[t - 1]:\n    return SIGNAL")
COUNTS_BLOCK = deciding("if t % 10 == 0:\n    return SIGNAL")
AT_RANDOM = deciding("if np.random.random() < 0.1:\n    return SIGNAL")
DIVIDES = deciding(
    "if (view.start + t) % 10 == 0:\n    return SIGNAL\nif 1.0 / (view.start + t - 333.0) > 5.0:\n    return n"
)
RAISES = deciding(
    "if view.start + t == 333:\n    raise ValueError('no luck today')\nif (view.start + t) % 10 == 0:\n    return SIGNAL"
)
TWO = deciding(
    "if (view.start + t) % 10 == 0:\n    n = SIGNAL\n    if view.start + t == 330:\n        n = SIGNAL\n    return n"
)
NONSENSE = deciding(
    "if view.start + t == 333:\n    rows.bar[n] = t\n    rows.direction[n] = 1\n    rows.entry[n] = close\n"
    "    rows.stop[n] = close * 2.0\n    rows.target_1[n] = close * 3.0\n    rows.target_2[n] = np.nan\n    rows.score[n] = 0.5\n"
    "    rows.reasons[n] = 1\n    rows.zone[n] = -1\n    return n + 1\nif (view.start + t) % 10 == 0:\n    return SIGNAL"
)
NAN_STOP = deciding(
    "if view.start + t == 333:\n    rows.bar[n] = t\n    rows.direction[n] = 1\n    rows.entry[n] = close\n"
    "    rows.stop[n] = np.nan\n    rows.target_1[n] = close * 3.0\n    rows.target_2[n] = np.nan\n    rows.score[n] = 0.5\n"
    "    rows.reasons[n] = 1\n    rows.zone[n] = -1\n    return n + 1\nif (view.start + t) % 10 == 0:\n    return SIGNAL"
)
LOOKS_AT_LATER_HIGHER = deciding(
    "k = view.higher_known[t] + 1\nif k < view.higher.close.shape[0]:\n    if view.higher.close[k] > close:\n        return SIGNAL"
)
LOOKS_AT_LATER_ZONE = deciding(
    "i = view.zones_from[t + 1]\nif i < view.zones.top.shape[0]:\n    if view.zones.top[i] > close:\n        return SIGNAL"
)
AVERAGES_ALL = deciding("if close < view.bars.close.mean():\n    return SIGNAL")
