"""Strategies that are compiled into the panel's kernel; a user's own run outside of it."""

from __future__ import annotations

from typing import NamedTuple

from engines.signals.mean_reversion import MEAN_REVERSION, ReversionParameters, ReversionState
from engines.signals.smc_pullback import SMC_PULLBACK, PullbackParameters, PullbackState
from engines.signals.structure_breakout import STRUCTURE_BREAKOUT, BreakoutParameters, BreakoutState
from engines.signals.trend_following import TREND_FOLLOWING, TrendParameters, TrendState

COMPILED = (SMC_PULLBACK, STRUCTURE_BREAKOUT, TREND_FOLLOWING, MEAN_REVERSION)
"""Strategies that `engines.panel.decisions.decide` runs, in its order."""

NOT_RUN = -1
"""Place of a strategy that the panel does not run."""


class StrategyStates(NamedTuple):
    """States of the compiled strategies."""

    smc_pullback: PullbackState
    structure_breakout: BreakoutState
    trend_following: TrendState
    mean_reversion: ReversionState


class StrategyParameters(NamedTuple):
    """Parameters of the compiled strategies, and the place of each among those of the panel; `NOT_RUN` where it is not."""

    smc_pullback: PullbackParameters
    structure_breakout: BreakoutParameters
    trend_following: TrendParameters
    mean_reversion: ReversionParameters
    places: tuple[int, ...]
