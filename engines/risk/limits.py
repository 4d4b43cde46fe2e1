"""Limits of an account: which rule a signal breaks, with the number that broke it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from engines.risk.liquidation import liquidation_price
from engines.risk.policy import RiskPolicy
from engines.risk.portfolio import Portfolio


class Rule(StrEnum):
    """Rules a signal can break. They are tried in this order; the first broken one decides a rejection."""

    EQUITY_EXHAUSTED = "equity_exhausted"
    DRAWDOWN_HALT = "drawdown_halt"
    DAILY_LOSS = "daily_loss"
    LOSS_COOLDOWN = "loss_cooldown"
    RISK_REWARD = "risk_reward"
    LIQUIDATION = "liquidation"
    CONCURRENT_POSITIONS = "concurrent_positions"
    RETURNS_HISTORY = "returns_history"
    NO_VARIATION = "no_variation"
    NO_EDGE = "no_edge"
    TRADE_RISK = "trade_risk"
    POSITION_SIZE = "position_size"
    MARKET_EXPOSURE = "market_exposure"
    CLUSTER_EXPOSURE = "cluster_exposure"
    GROSS_EXPOSURE = "gross_exposure"
    NET_EXPOSURE = "net_exposure"
    OPEN_RISK = "open_risk"
    MARGIN = "margin"
    MIN_NOTIONAL = "min_notional"


_WORDS = {
    Rule.EQUITY_EXHAUSTED: "equity of {value:,.2f} leaves nothing to trade with",
    Rule.DRAWDOWN_HALT: "trading is halted: the drawdown is {value:.2%}, and it reached the limit of {limit:.2%}",
    Rule.DAILY_LOSS: "the day's loss of {value:.2%} has reached the limit of {limit:.2%}",
    Rule.LOSS_COOLDOWN: "trading pauses after {value:g} losses in a row, the limit being {limit:g}",
    Rule.RISK_REWARD: "reward over risk is {value:.4g}, below {limit:.4g}",
    Rule.LIQUIDATION: "the position would be liquidated {value:.2%} from its entry, before its stop at {limit:.2%}",
    Rule.CONCURRENT_POSITIONS: "it would be position number {value:g} of at most {limit:g} open at once",
    Rule.RETURNS_HISTORY: "only {value:g} returns of the market are known, volatility needs {limit:g}",
    Rule.NO_VARIATION: "the market's volatility is {value:g}: there is nothing to size by",
    Rule.NO_EDGE: "the strategy's results so far say to bet {value:.2%} of equity, not more than {limit:g}",
    Rule.TRADE_RISK: "its loss at the stop would be {value:.2%} of equity, more than {limit:.2%}",
    Rule.POSITION_SIZE: "its value would be {value:.4g} times equity, more than {limit:.4g}",
    Rule.MARKET_EXPOSURE: "exposure in its market would be {value:.4g} times equity, more than {limit:.4g}",
    Rule.CLUSTER_EXPOSURE: "exposure in its cluster of markets would be {value:.4g} times equity, more than {limit:.4g}",
    Rule.GROSS_EXPOSURE: "gross exposure would be {value:.4g} times equity, more than {limit:.4g}",
    Rule.NET_EXPOSURE: "net exposure would be {value:.4g} times equity, more than {limit:.4g}",
    Rule.OPEN_RISK: "loss at all stops would be {value:.2%} of equity, more than {limit:.2%}",
    Rule.MARGIN: "margin in use would be {value:.4g} times equity, more than {limit:.4g}",
    Rule.MIN_NOTIONAL: "what the limits leave is worth {value:,.2f}, below the least order of {limit:,.2f}",
}


class Breach(NamedTuple):
    """A broken rule: the measured number and the limit it was held against."""

    rule: Rule
    value: float
    limit: float

    def words(self) -> str:
        """Say it in a sentence that begins with the rule's name."""
        return f"{self.rule}: {_WORDS[self.rule].format(value=self.value, limit=self.limit)}"


class Cap(NamedTuple):
    """A limit on a position's value.

    ``breach`` is what the full size would come to; ``room`` is the value the limit leaves, quote currency.
    """

    breach: Breach
    room: float


class Proposal(NamedTuple):
    """What a decision needs to know of a signal. ``ts`` is an instant of the deciding bar, ms UTC."""

    ts: int
    direction: int
    entry: float
    stop: float
    risk_reward: float
    market: str = ""
    strategy: str = ""

    @property
    def distance(self) -> float:
        """Distance from entry to stop, above 0."""
        return abs(self.entry - self.stop)


def halts(proposal: Proposal, policy: RiskPolicy, portfolio: Portfolio) -> list[Breach]:
    """Rules that forbid the signal whatever its size, in the order of `Rule`."""
    if portfolio.equity <= 0.0:
        return [Breach(Rule.EQUITY_EXHAUSTED, portfolio.equity, 0.0)]
    broken: list[Breach] = []
    if portfolio.halted:
        broken.append(Breach(Rule.DRAWDOWN_HALT, portfolio.drawdown, policy.max_drawdown))
    if portfolio.daily_loss >= policy.max_daily_loss:
        broken.append(Breach(Rule.DAILY_LOSS, portfolio.daily_loss, policy.max_daily_loss))
    if proposal.ts <= portfolio.cooldown_until:
        losses = float(policy.max_consecutive_losses)
        broken.append(Breach(Rule.LOSS_COOLDOWN, losses, losses))
    if proposal.risk_reward < policy.min_risk_reward:
        broken.append(Breach(Rule.RISK_REWARD, proposal.risk_reward, policy.min_risk_reward))
    ends = liquidation_price(proposal.direction, proposal.entry, policy.leverage, policy.maintenance_margin_rate)
    if ends is not None and (proposal.stop - ends) * proposal.direction <= 0.0:
        to_liquidation = abs(proposal.entry - ends) / proposal.entry
        broken.append(Breach(Rule.LIQUIDATION, to_liquidation, proposal.distance / proposal.entry))
    if len(portfolio.positions) >= policy.max_concurrent_positions:
        at_once = float(len(portfolio.positions) + 1)
        broken.append(Breach(Rule.CONCURRENT_POSITIONS, at_once, float(policy.max_concurrent_positions)))
    return broken


def caps(
    proposal: Proposal, notional: float, policy: RiskPolicy, portfolio: Portfolio, cluster: frozenset[str]
) -> list[Cap]:
    """Limits on the position's value, in the order of `Rule`.

    Parameters
    ----------
    proposal : Proposal
    notional : float
        Value of the full size, quote currency.
    policy : RiskPolicy
    portfolio : Portfolio
        With equity above 0.
    cluster : frozenset of str
        Markets that move together with the proposal's, which is among them.
    """
    equity = portfolio.equity
    gross = portfolio.gross_notional
    net = portfolio.net_notional * proposal.direction
    # Value of a position over its loss at the stop.
    per_risk = proposal.entry / proposal.distance
    found = [
        Cap(
            Breach(Rule.TRADE_RISK, notional / per_risk / equity, policy.max_risk_per_trade),
            policy.max_risk_per_trade * equity * per_risk,
        ),
        Cap(
            Breach(Rule.POSITION_SIZE, notional / equity, policy.max_position_fraction),
            policy.max_position_fraction * equity,
        ),
        Cap(
            Breach(Rule.GROSS_EXPOSURE, (gross + notional) / equity, policy.max_gross_exposure),
            policy.max_gross_exposure * equity - gross,
        ),
        Cap(
            Breach(Rule.NET_EXPOSURE, abs(net + notional) / equity, policy.max_net_exposure),
            policy.max_net_exposure * equity - net,
        ),
        Cap(
            Breach(Rule.MARGIN, (gross + notional) / policy.leverage / equity, 1.0),
            policy.leverage * equity - gross,
        ),
    ]
    for rule, limit, markets in (
        (Rule.MARKET_EXPOSURE, policy.max_market_exposure, (proposal.market,)),
        (Rule.CLUSTER_EXPOSURE, policy.max_cluster_exposure, cluster),
    ):
        if limit is not None:
            held = portfolio.exposure(markets)
            found.append(Cap(Breach(rule, (held + notional) / equity, limit), limit * equity - held))
    if policy.max_open_risk is not None:
        risk = portfolio.open_risk
        breach = Breach(Rule.OPEN_RISK, (risk + notional / per_risk) / equity, policy.max_open_risk)
        found.append(Cap(breach, (policy.max_open_risk * equity - risk) * per_risk))
    return sorted(found, key=lambda cap: _ORDER[cap.breach.rule])


_ORDER = {rule: place for place, rule in enumerate(Rule)}
