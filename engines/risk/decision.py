"""The decision on one signal: a pure function of the signal, the policy, the portfolio and what else is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engines.risk.limits import Breach, Proposal, Rule, caps, halts
from engines.risk.liquidation import liquidation_price
from engines.risk.policy import RiskPolicy
from engines.risk.portfolio import Portfolio
from engines.risk.sizing import Knowledge, full_size


class Verdict(StrEnum):
    """What a decision does with a signal."""

    ACCEPTED = "accepted"
    RESIZED = "resized"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision, with the rule that resized or rejected: its number, and the limit it was held against.

    ``size`` is in the base asset; ``notional``, ``risk_amount`` and ``margin`` are in the quote currency; all are 0 if
    rejected. ``wanted_notional`` is what the sizing asked for before limits (0 if a rule forbade the signal whatever its
    size). ``reasons`` says each broken rule in words, the deciding one first.
    """

    verdict: Verdict
    rule: Rule | None
    rule_value: float | None
    rule_limit: float | None
    size: float
    notional: float
    risk_amount: float
    risk_fraction: float
    wanted_notional: float = 0.0
    margin: float = 0.0
    liquidation_price: float | None = None
    reasons: tuple[str, ...] = ()


_NOTHING_KNOWN = Knowledge()


def decide(proposal: Proposal, policy: RiskPolicy, portfolio: Portfolio, known: Knowledge = _NOTHING_KNOWN) -> Decision:
    """Accept, resize or reject a signal.

    Parameters
    ----------
    proposal : Proposal
    policy : RiskPolicy
    portfolio : Portfolio
        As it stands at the decision; it is only read. The caller has brought it to the proposal's time
        (`Portfolio.roll`).
    known : Knowledge
        Volatility, cluster and track record as of the decision; it is only read.

    Returns
    -------
    Decision
        The full size is that of `engines.risk.sizing`. If it breaks a limit on the position's value, the size is cut to the
        tightest of them (the first in the order of `Rule` on ties), and what is left is rejected if it is nothing or below
        ``min_notional``. A size is never raised.
    """
    broken = halts(proposal, policy, portfolio)
    if broken:
        return _rejected(broken)
    equity = portfolio.equity
    size = full_size(proposal, policy, equity, known)
    if isinstance(size, Breach):
        return _rejected([size])
    wanted = notional = size * proposal.entry
    members = known.members or frozenset((proposal.market,))
    limits = caps(proposal, notional, policy, portfolio, members)
    tightest = min(limits, key=lambda cap: cap.room)
    binding = [tightest.breach, *(cap.breach for cap in limits if cap.room < wanted and cap is not tightest)]
    if tightest.room <= 0.0:
        return _rejected(binding, wanted)
    resized = tightest.room < wanted
    if resized:
        notional = tightest.room
        size = notional / proposal.entry
    if notional < policy.min_notional:
        least = Breach(Rule.MIN_NOTIONAL, notional, policy.min_notional)
        return _rejected([least, *(binding if resized else ())], wanted)
    risk_amount = size * proposal.distance
    return Decision(
        Verdict.RESIZED if resized else Verdict.ACCEPTED,
        tightest.breach.rule if resized else None,
        tightest.breach.value if resized else None,
        tightest.breach.limit if resized else None,
        size,
        notional,
        risk_amount,
        risk_amount / equity,
        wanted,
        notional / policy.leverage,
        liquidation_price(proposal.direction, proposal.entry, policy.leverage, policy.maintenance_margin_rate),
        tuple(breach.words() for breach in binding) if resized else (),
    )


def _rejected(broken: Sequence[Breach], wanted: float = 0.0) -> Decision:
    rule, value, limit = broken[0]
    reasons = tuple(breach.words() for breach in broken)
    return Decision(Verdict.REJECTED, rule, value, limit, 0.0, 0.0, 0.0, 0.0, wanted_notional=wanted, reasons=reasons)
