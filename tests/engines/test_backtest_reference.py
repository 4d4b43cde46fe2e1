"""The compiled backtest against the plain one, in pieces against at once, and against the account's own arithmetic."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from engines.backtest.rows import TRADE_SCHEMA
from engines.backtest.simulate import Simulation
from tests.engines.backtest_cases import HOUR, START, Case, cases, compare_results

SETTINGS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TS = pl.col("ts")


@SETTINGS
@given(cases())
def test_compiled_equals_plain(case: Case) -> None:
    compare_results(case.compiled(), case.plain())


@SETTINGS
@given(cases(), st.data())
def test_cut_into_pieces_it_is_the_same(case: Case, data: st.DataObject) -> None:
    """Random cuts: fills, trades and equity of the calls, one behind the other, are those of one call."""
    times = sorted(case.bars["ts"].unique().to_list())
    cuts = data.draw(st.sets(st.sampled_from(times)))
    assert_pieces_are_the_whole(case, sorted({times[0], *cuts}))


@SETTINGS
@given(cases())
def test_bar_by_bar_it_is_the_same(case: Case) -> None:
    assert_pieces_are_the_whole(case, sorted(case.bars["ts"].unique().to_list()))


def assert_pieces_are_the_whole(case: Case, begins: list[object]) -> None:
    whole = case.compiled()
    machine = Simulation(case.config, timeframe="1h", markets=whole.markets)
    steps = []
    last = case.bars["ts"].max()
    for begin, end in zip(begins, [*begins[1:], None], strict=True):
        within = begin <= TS
        until = last + timedelta(hours=1) if end is None else end
        within &= until > TS
        # Fundings and prices beyond the piece are there, as they are not known where it ends.
        steps.append(
            machine.advance(
                case.bars.filter(within),
                case.signals.filter(within),
                funding=None if case.funding is None else case.funding.filter(until > TS),
                mark=case.mark,
                finer=case.finer,
            )
        )
    steps.append(machine.finish())
    for name in ("fills", "trades"):
        assert_frame_equal(pl.concat([getattr(step, name) for step in steps]), getattr(whole, name), check_exact=True)
    equity = pl.concat([step.equity for step in steps[:-2]] + [steps[-2].equity[:-1], steps[-1].equity])
    # The peak before the last row counts what was open at the last close too, which one call replaces at once.
    assert_frame_equal(equity.drop("drawdown"), whole.equity.drop("drawdown"), check_exact=True)
    assert_frame_equal(equity["drawdown"][:-1].to_frame(), whole.equity["drawdown"][:-1].to_frame(), check_exact=True)


@SETTINGS
@given(cases())
def test_the_account_reconciles(case: Case) -> None:
    """Cash is what was paid in, and results less fees and funding; a trade's fills add up to nothing and to its result."""
    result = case.compiled()
    trades, fills, equity = result.trades, result.fills, result.equity
    assert trades.schema == TRADE_SCHEMA
    paid = trades["fees"].sum() + trades["funding"].sum()
    assert abs(equity["cash"][-1] - (case.config.cash + trades["pnl_gross"].sum() - paid)) < 1e-6
    assert abs(trades["pnl"].sum() - (trades["pnl_gross"].sum() - paid)) < 1e-6
    assert (equity["equity"] - equity["cash"] - equity["position_value"]).abs().max() < 1e-6
    assert equity["equity"][-1] == equity["cash"][-1]
    sums = fills.group_by("trade").agg(
        left=(pl.col("side") * pl.col("quantity")).sum(),
        gross=-(pl.col("side") * pl.col("quantity") * pl.col("price")).sum(),
        fees=pl.col("fee").sum(),
    )
    assert sums.height == trades.height
    if trades.height:
        assert sums["left"].abs().max() < 1e-9
        assert abs(sums["gross"].sum() - trades["pnl_gross"].sum()) < 1e-6
        assert abs(sums["fees"].sum() - trades["fees"].sum()) < 1e-6


@SETTINGS
@given(cases())
def test_equity_is_cash_and_what_is_open_at_the_closes(case: Case) -> None:
    """The positions at each close are the signed sums of the fills up to it, worth that close."""
    result = case.compiled()
    rows = result.equity.with_columns(TS.to_physical()).to_dicts()[:-1]
    fills = result.fills.with_columns(TS.to_physical()).to_dicts()
    bars = case.bars.with_columns(TS.to_physical()).to_dicts()
    for row in rows:
        closes = {bar["market"]: bar["close"] for bar in bars if bar["ts"] <= row["ts"]}
        until = [fill for fill in fills if fill["ts"] < row["ts"] + HOUR and fill["reason"] != "end"]
        # Bought and sold at these prices, and what is left valued at the close, less fees: all but the funding.
        value = sum(fill["side"] * fill["quantity"] * (closes[fill["market"]] - fill["price"]) for fill in until)
        value -= sum(fill["fee"] for fill in until)
        if case.funding is None:
            assert abs(row["equity"] - case.config.cash - value) < 1e-6
        held = sum(abs(position) for position in _positions(until).values())
        assert (row["exposure"] > 0.0) == (held > 1e-9) or row["equity"] <= 0.0
    assert result.equity["ts"].to_physical()[0] >= START


def _positions(fills: list[dict[str, float]]) -> dict[object, float]:
    held: dict[object, float] = {}
    for fill in fills:
        held[fill["market"]] = held.get(fill["market"], 0.0) + fill["side"] * fill["quantity"]
    return held
