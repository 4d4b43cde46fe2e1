"""The decision on one signal: a pure function of the signal, the policy and the portfolio."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engines.risk.policy import RiskPolicy
from engines.risk.portfolio import Portfolio


class Verdict(StrEnum):
    """What a decision does with a signal."""

    ACCEPTED = "accepted"
    RESIZED = "resized"
    REJECTED = "rejected"


class Rule(StrEnum):
    """Rules a signal can break. They are tried in this order; the first broken one decides a rejection."""

    EQUITY_EXHAUSTED = "equity_exhausted"
    DRAWDOWN_HALT = "drawdown_halt"
    DAILY_LOSS = "daily_loss"
    LOSS_COOLDOWN = "loss_cooldown"
    RISK_REWARD = "risk_reward"
    CONCURRENT_POSITIONS = "concurrent_positions"
    POSITION_SIZE = "position_size"
    GROSS_EXPOSURE = "gross_exposure"
    NET_EXPOSURE = "net_exposure"
    MIN_NOTIONAL = "min_notional"


class Proposal(NamedTuple):
    """What a decision needs to know of a signal. ``ts`` is the deciding bar's open time, ms UTC."""

    ts: int
    direction: int
    entry: float
    stop: float
    risk_reward: float


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision, with the rule that resized or rejected: its number, and the limit it was held against.

    ``size`` is in the base asset, ``notional`` and ``risk_amount`` in the quote currency; all are 0 if rejected.
    """

    verdict: Verdict
    rule: Rule | None
    rule_value: float | None
    rule_limit: float | None
    size: float
    notional: float
    risk_amount: float
    risk_fraction: float


class _Cap(NamedTuple):
    """A limit on a position's value: the rule, what the full size would come to, the limit, and the value it leaves."""

    rule: Rule
    value: float
    limit: float
    room: float


def decide(proposal: Proposal, policy: RiskPolicy, portfolio: Portfolio) -> Decision:
    """Accept, resize or reject a signal.

    Parameters
    ----------
    proposal : Proposal
    policy : RiskPolicy
    portfolio : Portfolio
        As it stands at the decision; it is only read. The caller has brought it to the proposal's time
        (`Portfolio.roll`).

    Returns
    -------
    Decision
        The full size risks ``risk_per_trade`` of the equity between entry and stop. If that breaks the limit on the
        position, gross or net exposure, the size is cut to the tightest of them (the first in the order of `Rule` on
        ties), and what is left is rejected if it is nothing or below ``min_notional``.
    """
    broken = _halt(proposal, policy, portfolio)
    if broken is not None:
        return _rejected(*broken)
    equity = portfolio.equity
    distance = abs(proposal.entry - proposal.stop)
    size = policy.risk_per_trade * equity / distance
    notional = size * proposal.entry
    cap = min(_caps(proposal.direction, notional, policy, portfolio), key=lambda found: found.room)
    if cap.room <= 0.0:
        return _rejected(cap.rule, cap.value, cap.limit)
    resized = cap.room < notional
    if resized:
        notional = cap.room
        size = notional / proposal.entry
    if notional < policy.min_notional:
        return _rejected(Rule.MIN_NOTIONAL, notional, policy.min_notional)
    risk_amount = size * distance
    return Decision(
        Verdict.RESIZED if resized else Verdict.ACCEPTED,
        cap.rule if resized else None,
        cap.value if resized else None,
        cap.limit if resized else None,
        size,
        notional,
        risk_amount,
        risk_amount / equity,
    )


def _halt(proposal: Proposal, policy: RiskPolicy, portfolio: Portfolio) -> tuple[Rule, float, float] | None:
    """First rule that forbids the signal whatever its size: rule, number and limit."""
    if portfolio.equity <= 0.0:
        return Rule.EQUITY_EXHAUSTED, portfolio.equity, 0.0
    if portfolio.halted:
        return Rule.DRAWDOWN_HALT, portfolio.drawdown, policy.max_drawdown
    if portfolio.daily_loss >= policy.max_daily_loss:
        return Rule.DAILY_LOSS, portfolio.daily_loss, policy.max_daily_loss
    if proposal.ts <= portfolio.cooldown_until:
        return Rule.LOSS_COOLDOWN, float(policy.max_consecutive_losses), float(policy.max_consecutive_losses)
    if proposal.risk_reward < policy.min_risk_reward:
        return Rule.RISK_REWARD, proposal.risk_reward, policy.min_risk_reward
    if len(portfolio.positions) >= policy.max_concurrent_positions:
        return Rule.CONCURRENT_POSITIONS, float(len(portfolio.positions) + 1), float(policy.max_concurrent_positions)
    return None


def _caps(direction: int, notional: float, policy: RiskPolicy, portfolio: Portfolio) -> tuple[_Cap, ...]:
    equity = portfolio.equity
    gross = portfolio.gross_notional
    net = portfolio.net_notional * direction
    return (
        _Cap(
            Rule.POSITION_SIZE,
            notional / equity,
            policy.max_position_fraction,
            policy.max_position_fraction * equity,
        ),
        _Cap(
            Rule.GROSS_EXPOSURE,
            (gross + notional) / equity,
            policy.max_gross_exposure,
            policy.max_gross_exposure * equity - gross,
        ),
        _Cap(
            Rule.NET_EXPOSURE,
            abs(net + notional) / equity,
            policy.max_net_exposure,
            policy.max_net_exposure * equity - net,
        ),
    )


def _rejected(rule: Rule, value: float, limit: float) -> Decision:
    return Decision(Verdict.REJECTED, rule, value, limit, 0.0, 0.0, 0.0, 0.0)
