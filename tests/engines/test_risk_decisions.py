"""Decisions: one hand-worked example a rule, and the policy's own checks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.errors import BadParameter
from engines.risk import Portfolio, Position, Proposal, RiskPolicy, Rule, Verdict, decide
from engines.risk.portfolio import DAY_MS, FOREVER, NEVER

POLICY = RiskPolicy()
BAR = 900_000
LONG = Proposal(ts=10 * DAY_MS, direction=1, entry=100.0, stop=98.0, risk_reward=2.0)
SHORT = LONG._replace(direction=-1, stop=102.0)


def account(**changes: Any) -> Portfolio:
    state: dict[str, Any] = {"equity": 10_000.0, "peak": 10_000.0, "day_start_equity": 10_000.0, **changes}
    return Portfolio(**state)


def holding(*positions: Position, **changes: Any) -> Portfolio:
    return account(positions={str(i): position for i, position in enumerate(positions)}, **changes)


def open_position(direction: int, notional: float) -> Position:
    return Position(direction, 50.0, 49.0, size=notional / 50.0, remaining=notional / 50.0, two_targets=True)


def test_accepted_at_full_size() -> None:
    found = decide(LONG, POLICY, account())
    # 1 % of 10,000 is 100; over a distance of 2 that is 50 units, worth 5,000.
    assert (found.verdict, found.rule, found.rule_value, found.rule_limit) == (Verdict.ACCEPTED, None, None, None)
    assert (found.size, found.notional, found.risk_amount, found.risk_fraction) == (50.0, 5_000.0, 100.0, 0.01)


@pytest.mark.parametrize(
    ("proposal", "policy", "state", "rule", "value", "limit"),
    [
        (LONG, POLICY, account(equity=0.0), Rule.EQUITY_EXHAUSTED, 0.0, 0.0),
        (LONG, POLICY, account(equity=-5.0), Rule.EQUITY_EXHAUSTED, -5.0, 0.0),
        (LONG, POLICY, account(equity=8_000.0, halted_until=FOREVER), Rule.DRAWDOWN_HALT, 0.2, 0.2),
        (LONG, POLICY, account(equity=9_700.0), Rule.DAILY_LOSS, 0.03, 0.03),
        (LONG, POLICY, account(cooldown_until=LONG.ts), Rule.LOSS_COOLDOWN, 5.0, 5.0),
        (LONG._replace(risk_reward=0.9), POLICY, account(), Rule.RISK_REWARD, 0.9, 1.0),
        (
            LONG,
            replace(POLICY, max_concurrent_positions=2),
            holding(open_position(1, 100.0), open_position(-1, 100.0)),
            Rule.CONCURRENT_POSITIONS,
            3.0,
            2.0,
        ),
        (LONG, POLICY, holding(open_position(-1, 30_000.0)), Rule.GROSS_EXPOSURE, 3.5, 3.0),
        (LONG, POLICY, holding(open_position(1, 20_000.0)), Rule.NET_EXPOSURE, 2.5, 2.0),
        (SHORT, POLICY, holding(open_position(-1, 20_000.0)), Rule.NET_EXPOSURE, 2.5, 2.0),
        (LONG, POLICY, account(equity=15.0, peak=15.0, day_start_equity=15.0), Rule.MIN_NOTIONAL, 7.5, 10.0),
    ],
)
def test_rejected(
    proposal: Proposal, policy: RiskPolicy, state: Portfolio, rule: Rule, value: float, limit: float
) -> None:
    found = decide(proposal, policy, state)
    assert (found.verdict, found.rule) == (Verdict.REJECTED, rule)
    assert found.rule_value == pytest.approx(value)
    assert found.rule_limit == pytest.approx(limit)
    assert (found.size, found.notional, found.risk_amount, found.risk_fraction) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("proposal", "policy", "state", "rule", "value", "limit", "notional"),
    [
        # A stop 0.5 away wants 200 units, worth 20,000: twice the equity.
        (LONG._replace(stop=99.5), POLICY, account(), Rule.POSITION_SIZE, 2.0, 1.0, 10_000.0),
        (LONG, POLICY, holding(open_position(-1, 27_000.0)), Rule.GROSS_EXPOSURE, 3.2, 3.0, 3_000.0),
        (LONG, POLICY, holding(open_position(1, 16_000.0)), Rule.NET_EXPOSURE, 2.1, 2.0, 4_000.0),
        (
            LONG._replace(stop=99.5),
            replace(POLICY, max_net_exposure=0.5),
            account(),
            Rule.NET_EXPOSURE,
            2.0,
            0.5,
            5_000.0,
        ),
    ],
)
def test_resized_to_the_tightest_limit(
    proposal: Proposal,
    policy: RiskPolicy,
    state: Portfolio,
    rule: Rule,
    value: float,
    limit: float,
    notional: float,
) -> None:
    found = decide(proposal, policy, state)
    assert (found.verdict, found.rule) == (Verdict.RESIZED, rule)
    assert found.rule_value == pytest.approx(value)
    assert found.rule_limit == pytest.approx(limit)
    assert found.notional == pytest.approx(notional)
    assert found.size == pytest.approx(notional / proposal.entry)
    assert found.risk_amount == pytest.approx(found.size * abs(proposal.entry - proposal.stop))
    assert found.risk_fraction == pytest.approx(found.risk_amount / state.equity)


def test_what_is_left_after_resizing_can_be_too_small() -> None:
    found = decide(LONG, POLICY, holding(open_position(-1, 29_995.0)))
    assert (found.verdict, found.rule, found.rule_limit) == (Verdict.REJECTED, Rule.MIN_NOTIONAL, 10.0)
    assert found.rule_value == pytest.approx(5.0)


def test_a_position_against_the_net_has_room_up_to_gross() -> None:
    assert decide(SHORT, POLICY, holding(open_position(1, 20_000.0))).verdict is Verdict.ACCEPTED


def test_just_inside_each_limit() -> None:
    policy = replace(POLICY, max_concurrent_positions=1)
    assert decide(LONG._replace(risk_reward=1.0), policy, account()).verdict is Verdict.ACCEPTED
    assert decide(LONG, policy, account(equity=9_701.0)).verdict is Verdict.ACCEPTED
    assert decide(LONG, policy, account(cooldown_until=LONG.ts - BAR)).verdict is Verdict.ACCEPTED


@settings(max_examples=300, deadline=None)
@given(
    direction=st.sampled_from([-1, 1]),
    distance=st.floats(0.0001, 0.2),
    equity=st.floats(1.0, 1e6),
    held=st.lists(st.tuples(st.sampled_from([-1, 1]), st.floats(1.0, 1e6)), max_size=6),
)
def test_no_position_breaks_a_limit(
    direction: int, distance: float, equity: float, held: list[tuple[int, float]]
) -> None:
    state = holding(
        *(open_position(d, n) for d, n in held), equity=equity, peak=max(equity, 1.0), day_start_equity=equity
    )
    proposal = Proposal(DAY_MS, direction, 100.0, 100.0 - direction * 100.0 * distance, 2.0)
    before = repr(state)
    found = decide(proposal, POLICY, state)
    assert repr(state) == before
    if found.verdict is Verdict.REJECTED:
        assert found.size == 0.0
        return
    near = 1.0 + 1e-9
    assert POLICY.min_notional <= found.notional <= POLICY.max_position_fraction * equity * near
    assert state.gross_notional + found.notional <= POLICY.max_gross_exposure * equity * near
    assert (state.net_notional * direction + found.notional) <= POLICY.max_net_exposure * equity * near
    assert found.risk_fraction <= POLICY.risk_per_trade * near
    assert len(state.positions) < POLICY.max_concurrent_positions


def test_profit_of_two_targets() -> None:
    state = account()
    state.enter("a", Position(1, 100.0, 98.0, 50.0, 50.0, two_targets=True), POLICY)
    state.leave("a", 102.0, DAY_MS, POLICY, BAR, first_target=True)
    assert (state.equity, state.positions["a"].remaining, state.positions["a"].realized) == (10_050.0, 25.0, 50.0)
    state.leave("a", 98.0, DAY_MS, POLICY, BAR, first_target=False)
    assert (state.equity, state.positions, state.consecutive_losses, state.peak) == (10_000.0, {}, 0, 10_050.0)


def test_the_first_target_takes_all_of_a_position_without_a_second() -> None:
    state = account()
    state.enter("a", Position(-1, 100.0, 102.0, 50.0, 50.0, two_targets=False), POLICY)
    state.leave("a", 97.0, DAY_MS, POLICY, BAR, first_target=True)
    assert (state.equity, state.positions) == (10_150.0, {})


def test_fees_are_paid_on_entry_and_exit() -> None:
    policy = replace(POLICY, fee_rate=0.001)
    state = account()
    state.enter("a", Position(1, 100.0, 98.0, 50.0, 50.0, two_targets=False), policy)
    assert state.equity == 9_995.0
    state.leave("a", 100.0, DAY_MS, policy, BAR, first_target=True)
    assert (state.equity, state.consecutive_losses) == (9_990.0, 1)


def lose(state: Portfolio, amount: float, ts: int, policy: RiskPolicy) -> None:
    state.roll(ts)
    state.enter("x", Position(1, 100.0, 98.0, 1.0, 1.0, two_targets=True), policy)
    state.leave("x", 100.0 - amount, ts, policy, BAR, first_target=False)


def test_losses_in_a_row_pause_trading() -> None:
    policy = replace(POLICY, max_consecutive_losses=2, loss_cooldown_bars=3)
    state = account()
    lose(state, 1.0, DAY_MS, policy)
    lose(state, -1.0, DAY_MS, policy)
    lose(state, 1.0, DAY_MS, policy)
    assert state.cooldown_until == NEVER
    lose(state, 1.0, DAY_MS, policy)
    assert (state.cooldown_until, state.consecutive_losses) == (DAY_MS + 3 * BAR, 0)
    assert decide(LONG._replace(ts=DAY_MS + 3 * BAR), policy, state).rule is Rule.LOSS_COOLDOWN
    assert decide(LONG._replace(ts=DAY_MS + 4 * BAR), policy, state).verdict is Verdict.ACCEPTED


def test_a_new_day_forgets_the_loss_of_the_last() -> None:
    state = account()
    lose(state, 400.0, DAY_MS, POLICY)
    state.roll(2 * DAY_MS - 1)
    assert decide(LONG, POLICY, state).rule is Rule.DAILY_LOSS
    state.roll(2 * DAY_MS)
    assert decide(LONG, POLICY, state).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("days", "ends"), [(30.0, True), (None, False)])
def test_drawdown_halts_and_ends_from_the_equity_then(days: float | None, ends: bool) -> None:
    policy = replace(POLICY, drawdown_halt_days=days)
    state = account()
    lose(state, -2_500.0, DAY_MS, policy)
    lose(state, 2_500.0, 2 * DAY_MS, policy)
    assert (state.peak, state.drawdown, state.halted) == (12_500.0, 0.2, True)
    state.roll(32 * DAY_MS - 1)
    assert decide(LONG, policy, state).rule is Rule.DRAWDOWN_HALT
    state.roll(32 * DAY_MS)
    assert state.halted is not ends
    assert (state.peak == state.equity) is ends
    lose(state, 1.0, 33 * DAY_MS, policy)
    assert state.halted is not ends


def test_an_account_that_lost_everything_stays_closed() -> None:
    state = account()
    lose(state, 10_500.0, DAY_MS, POLICY)
    state.roll(60 * DAY_MS)
    assert decide(LONG, POLICY, state).rule is Rule.EQUITY_EXHAUSTED


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"starting_equity": 0.0}, "starting_equity must be a finite number above 0, not 0.0"),
        ({"risk_per_trade": -0.01}, "risk_per_trade"),
        ({"risk_per_trade": 1.0}, "risk_per_trade is a fraction and must be below 1"),
        ({"max_drawdown": float("nan")}, "max_drawdown"),
        ({"max_concurrent_positions": 0}, "max_concurrent_positions must be a whole number of at least 1"),
        ({"max_concurrent_positions": 2.0}, "max_concurrent_positions"),
        ({"loss_cooldown_bars": True}, "loss_cooldown_bars"),
        ({"drawdown_halt_days": 0.0}, "drawdown_halt_days"),
        ({"min_notional": "10"}, "min_notional"),
        ({"max_leverage": 2.0}, "no such risk rule: max_leverage; there are starting_equity"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(BadParameter, match=message):
        RiskPolicy.from_dict(rules)


def test_a_policy_survives_being_written_down() -> None:
    policy = RiskPolicy(risk_per_trade=0.02, drawdown_halt_days=None)
    assert RiskPolicy.from_dict(policy.as_dict()) == policy
