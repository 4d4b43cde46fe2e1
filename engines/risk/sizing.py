"""How large a position is before limits.

With equity ``E``, entry ``p`` and distance ``d`` to the stop, the size in the base asset is

- **fixed fraction**: ``risk_per_trade * E / d``: the same loss at every stop;
- **volatility target**: ``target_volatility / s * E / p``, where ``s`` is the annual volatility of the market's returns
  known at the decision: the same contribution to the account's volatility from every position;
- **Kelly**: ``f * E / d`` with ``f`` the capped, shrunk fraction of `kelly_risk`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from engines.risk.limits import Breach, Proposal, Rule
from engines.risk.policy import RiskPolicy, Sizing
from engines.risk.track_record import StrategyRecord


class Knowledge(NamedTuple):
    """What is known of the market and the strategy when a signal is decided.

    Attributes
    ----------
    volatility : float
        Annual volatility of the market's returns; NaN if too few are known.
    returns : int
        How many are.
    cluster : str
        Name of the market's cluster; empty if the account has one market.
    members : frozenset of str
        Markets of the cluster, the proposal's among them.
    record : StrategyRecord
        Results of the strategy's signals that have ended.
    """

    volatility: float = math.nan
    returns: int = 0
    cluster: str = ""
    members: frozenset[str] = frozenset()
    record: StrategyRecord = StrategyRecord()


def full_size(proposal: Proposal, policy: RiskPolicy, equity: float, known: Knowledge) -> float | Breach:
    """Size in the base asset that the policy's sizing asks for, or the rule by which it asks for none."""
    match policy.sizing:
        case Sizing.FIXED_FRACTION:
            return policy.risk_per_trade * equity / proposal.distance
        case Sizing.VOLATILITY_TARGET:
            if known.returns < policy.min_returns or math.isnan(known.volatility):
                return Breach(Rule.RETURNS_HISTORY, float(known.returns), float(policy.min_returns))
            if known.volatility <= 0.0:
                return Breach(Rule.NO_VARIATION, known.volatility, 0.0)
            return policy.target_volatility / known.volatility * equity / proposal.entry
        case Sizing.KELLY:
            if known.record.trades < policy.kelly_min_trades:
                return policy.risk_per_trade * equity / proposal.distance
            risk = kelly_risk(known.record, policy)
            return Breach(Rule.NO_EDGE, risk, 0.0) if risk <= 0.0 else risk * equity / proposal.distance


def kelly_risk(record: StrategyRecord, policy: RiskPolicy) -> float:
    """Part of equity to lose at the stop: capped, shrunk, fractional Kelly.

    With win rate ``p``, mean win ``w`` and mean loss ``l`` (both in R) the bet that lets equity grow fastest risks
    ``p / l - (1 - p) / w`` of it (J. L. Kelly, "A New Interpretation of Information Rate", 1956; for two outcomes, R at
    the stop). It is shrunk by adding ``kelly_prior_trades`` trades that break even on the same wins and losses, which
    multiplies it by ``n / (n + kelly_prior_trades)``; ``kelly_fraction`` of that is taken, at most ``kelly_cap``.

    Returns
    -------
    float
        At or below 0 if the results so far promise nothing.
    """
    count = record.trades
    if count == 0:
        return 0.0
    # Without a win or a loss, or with losses of nothing, the one to reckon with is the initial risk.
    mean_win = record.won / record.wins if record.wins else 1.0
    mean_loss = record.lost / record.losses if record.lost > 0.0 else 1.0
    rate = record.wins / count
    full = rate / mean_loss - (1.0 - rate) / mean_win
    shrunk = full * count / (count + policy.kelly_prior_trades)
    return min(policy.kelly_fraction * shrunk, policy.kelly_cap)
