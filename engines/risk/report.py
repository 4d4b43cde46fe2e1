"""An account at an instant, in numbers a person asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engines.bars import FloatArray
from engines.errors import BadParameter
from engines.risk.account import AccountEngine
from engines.risk.exposure import Exposure, exposures, portfolio_returns
from engines.risk.liquidation import liquidation_price
from engines.risk.policy import RiskPolicy
from engines.risk.portfolio import NEVER, Portfolio
from engines.risk.value_at_risk import TailRisk, ewma_tail, historical_tail

CONFIDENCES = (0.95, 0.99)


@dataclass(frozen=True)
class Tail:
    """Value at risk and expected shortfall of one step, as fractions of what is held; losses positive."""

    confidence: float
    returns: int
    historical: TailRisk
    ewma: TailRisk


@dataclass(frozen=True)
class OpenPosition:
    """A position that is open: values at entry, quote currency."""

    signal_id: str
    market: str
    direction: int
    entry: float
    stop: float
    notional: float
    risk: float
    margin: float
    liquidation_price: float | None


@dataclass(frozen=True)
class Standing:
    """Where an account stands against its limits. Times are ms UTC; None where nothing is on.

    ``halted_until`` is None too for a halt that does not end; ``halted`` says whether there is one.
    """

    equity: float
    peak: float
    drawdown: float
    daily_loss: float
    halted: bool
    halted_until: int | None
    cooldown_until: int | None
    consecutive_losses: int
    gross_exposure: float
    net_exposure: float
    open_risk: float
    positions: tuple[OpenPosition, ...]


@dataclass(frozen=True)
class AccountReport:
    """A whole account: its standing, its exposures, and the tail of its open positions (empty if none is open)."""

    standing: Standing
    by_cluster: tuple[Exposure, ...]
    by_market: tuple[Exposure, ...]
    tails: tuple[Tail, ...]


def standing(portfolio: Portfolio, policy: RiskPolicy, instant: int) -> Standing:
    """Where a portfolio stands at an instant (ms UTC)."""
    positions = tuple(
        OpenPosition(
            key,
            one.market,
            one.direction,
            one.entry,
            one.stop,
            one.notional,
            one.risk,
            one.notional / policy.leverage,
            liquidation_price(one.direction, one.entry, policy.leverage, policy.maintenance_margin_rate),
        )
        for key, one in portfolio.positions.items()
    )
    whole = portfolio.equity if portfolio.equity > 0.0 else math.inf
    halted = portfolio.halted and instant < portfolio.halted_until
    ends = policy.drawdown_halt_days is not None
    pauses = portfolio.cooldown_until != NEVER and instant <= portfolio.cooldown_until
    same_day = instant // 86_400_000 == portfolio.day
    return Standing(
        portfolio.equity,
        portfolio.peak,
        portfolio.drawdown,
        portfolio.daily_loss if same_day else 0.0,
        halted,
        portfolio.halted_until if halted and ends else None,
        portfolio.cooldown_until if pauses else None,
        portfolio.consecutive_losses,
        portfolio.gross_notional / whole,
        portfolio.net_notional / whole,
        portfolio.open_risk / whole,
        positions,
    )


def tails(returns: FloatArray) -> tuple[Tail, ...]:
    """Both tails of simple returns at each of `CONFIDENCES`; none if they are too few to say anything."""
    try:
        return tuple(
            Tail(
                confidence,
                returns.shape[0],
                historical_tail(returns, confidence),
                ewma_tail(returns, confidence),
            )
            for confidence in CONFIDENCES
        )
    except BadParameter:
        return ()


def account_report(engine: AccountEngine) -> AccountReport:
    """Report an account as it stands after everything folded so far."""
    portfolio, board = engine.portfolio, engine.board
    instant = 0 if engine.until is None else engine.until
    clusters = board.clusters(instant) if board.markets else {}
    returns = np.empty(0)
    if portfolio.positions and portfolio.equity > 0.0:
        returns = portfolio_returns(portfolio, board.markets, board.returns(instant))
    return AccountReport(
        standing(portfolio, engine.policy, instant - 1),
        tuple(exposures(portfolio, lambda market: clusters.get(market, market))),
        tuple(exposures(portfolio, lambda market: market)),
        tails(returns),
    )
