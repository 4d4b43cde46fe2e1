"""The decisions of the built-in strategies about one bar, as one step that a kernel can call."""

from __future__ import annotations

from engines.bars import TimeArray
from engines.kernel import lean_kernel
from engines.panel.arena import Arena, taker
from engines.panel.memory import FORM
from engines.panel.strategies import StrategyParameters
from engines.signals.mean_reversion import MEAN_REVERSION
from engines.signals.smc_pullback import SMC_PULLBACK
from engines.signals.structure_breakout import STRUCTURE_BREAKOUT
from engines.signals.trend_following import TREND_FOLLOWING
from engines.signals.view import BarView, CandidateRows

_fold_pullback, _fold_breakout = SMC_PULLBACK.fold, STRUCTURE_BREAKOUT.fold
_fold_trend, _fold_reversion = TREND_FOLLOWING.fold, MEAN_REVERSION.fold
_take_pullback = taker(FORM, "strategies.smc_pullback")
_take_breakout = taker(FORM, "strategies.structure_breakout")
_take_trend = taker(FORM, "strategies.trend_following")
_take_reversion = taker(FORM, "strategies.mean_reversion")


@lean_kernel
def _keep(
    j: int, zones_begin: int, place: int, candidate: CandidateRows, strategy: TimeArray, rows: CandidateRows, n: int
) -> int:
    strategy[n] = place
    rows.bar[n] = j
    rows.direction[n] = candidate.direction[0]
    rows.entry[n] = candidate.entry[0]
    rows.stop[n] = candidate.stop[0]
    rows.target_1[n] = candidate.target_1[0]
    rows.target_2[n] = candidate.target_2[0]
    rows.score[n] = candidate.score[0]
    rows.reasons[n] = candidate.reasons[0]
    zone = candidate.zone[0]
    rows.zone[n] = zone + zones_begin if zone >= 0 else zone
    return n + 1


@lean_kernel
def decide(
    j: int,
    zones_begin: int,
    view: BarView,
    p: StrategyParameters,
    states: Arena,
    market: int,
    candidate: CandidateRows,
    strategy: TimeArray,
    rows: CandidateRows,
    n: int,
) -> int:
    """Let each strategy that runs decide the one bar of ``view``; returns how many signals there are then.

    Parameters
    ----------
    j, zones_begin : int
        Place of the market in the call, and of its first zone row.
    view, p, states
        Bar, parameters and states.
    candidate : CandidateRows
        Room for one.
    strategy, rows
        Signals are added from row ``n`` on.
    """
    if p.places[0] >= 0 and _fold_pullback(view, p.smc_pullback, _take_pullback(states, market), candidate) == 1:
        n = _keep(j, zones_begin, p.places[0], candidate, strategy, rows, n)
    if p.places[1] >= 0 and _fold_breakout(view, p.structure_breakout, _take_breakout(states, market), candidate) == 1:
        n = _keep(j, zones_begin, p.places[1], candidate, strategy, rows, n)
    if p.places[2] >= 0 and _fold_trend(view, p.trend_following, _take_trend(states, market), candidate) == 1:
        n = _keep(j, zones_begin, p.places[2], candidate, strategy, rows, n)
    if p.places[3] >= 0 and _fold_reversion(view, p.mean_reversion, _take_reversion(states, market), candidate) == 1:
        n = _keep(j, zones_begin, p.places[3], candidate, strategy, rows, n)
    return n
