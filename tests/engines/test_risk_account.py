"""One account over many markets: order, limits across markets, chunkings, look-ahead, snapshots."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.errors import StateMismatch
from engines.risk import ACCOUNT_DECISION_SCHEMA, AccountEngine, BadCloses, RiskPolicy, Sizing
from engines.signals.rows import BadSignals
from tests.engines.account_rows import HOUR, Rows, closes_frame, cut, known, nothing, of_series, random_account, walks
from tests.engines.market_bars import START_MS, assert_same_bits
from tests.engines.signal_frames import outcome, outcome_frame, signal, signal_frame

FEW: dict[str, Any] = {"returns_window": 60, "min_returns": 30, "correlation_refresh": 12, "fee_rate": 0.0003}
END = START_MS + 10_000 * HOUR


def walk(rows: Rows, **rules: Any) -> pl.DataFrame:
    return AccountEngine(policy=FEW | rules).advance(*rows, END)


def one(market: str, number: int = 0, timeframe: str = "1h", stop: float = 98.0, **changes: Any) -> pl.DataFrame:
    made = signal(START_MS + number * HOUR, 1, 100.0, stop, 104.0, **{"signal_id": f"{market}{number}", **changes})
    return of_series(signal_frame([made]), market, timeframe)


def together(markets: int, steps: int) -> pl.DataFrame:
    """Closes of markets that move as one."""
    prices = walks(1, steps, 3, 0.0)[0].tolist()
    return closes_frame(
        [(f"t:M{m}", START_MS + HOUR * i, price * (1 + m)) for m in range(markets) for i, price in enumerate(prices)]
    )


def test_a_cluster_of_markets_that_move_as_one_shares_one_limit() -> None:
    """Three markets that move together may hold 0.5 + 0.25 of equity between them; one that does not is free."""
    closes = together(3, 100)
    alone = walks(1, 100, 8, 0.0)[0].tolist()
    closes = pl.concat([closes, closes_frame([("t:Z", START_MS + HOUR * i, p) for i, p in enumerate(alone)])])
    signals = pl.concat(
        [one(f"t:M{m}", 99, stop=99.9, score=0.9 - m / 10) for m in range(3)] + [one("t:Z", 99, stop=99.9)]
    )
    rules = {
        "max_position_fraction": 0.5,
        "max_cluster_exposure": 0.75,
        "max_risk_per_trade": 0.5,
        "fee_rate": 0.0,
    }
    rows = walk((closes, signals, nothing()["outcomes"]), **rules)
    assert rows.select("market", "decision", "rule").rows() == [
        ("t:M0", "resized", "position_size"),
        ("t:M1", "resized", "cluster_exposure"),
        ("t:M2", "rejected", "cluster_exposure"),
        ("t:Z", "resized", "position_size"),
    ]
    assert rows["cluster"].to_list() == ["t:M0", "t:M0", "t:M0", "t:Z"]
    assert rows["notional"].to_list() == [50_000.0, 25_000.0, 0.0, 50_000.0]
    assert rows["cluster_exposure"].to_list() == [0.0, 0.5, 0.75, 0.0]
    last = rows.row(2, named=True)
    # Its full size would lose 0.5 % of 100,000 over a distance of 0.1: worth five times the equity.
    assert (last["rule_value"], last["rule_limit"]) == (pytest.approx(5.75), 0.75)
    assert last["reasons"][0] == (
        "cluster_exposure: exposure in its cluster of markets would be 5.75 times equity, more than 0.75"
    )
    assert [reason.split(":")[0] for reason in last["reasons"]] == [
        "cluster_exposure", "position_size", "market_exposure", "gross_exposure", "net_exposure", "margin",
    ]  # fmt: skip


def test_markets_that_are_not_measured_count_as_one_cluster() -> None:
    signals = pl.concat([one("t:A"), one("t:B")])
    rows = walk((nothing()["closes"], signals, nothing()["outcomes"]), max_cluster_exposure=0.3, fee_rate=0.0)
    assert rows["cluster"].to_list() == ["unmeasured"] * 2
    assert rows["rule"].to_list() == [None, "cluster_exposure"]
    assert rows["notional"].to_list() == [25_000.0, pytest.approx(5_000.0)]


def test_one_market_on_two_timeframes_shares_its_limit() -> None:
    signals = pl.concat([one("t:A", 3, score=0.9), one("t:A", 0, "4h", score=0.8)])
    rows = walk((nothing()["closes"], signals, nothing()["outcomes"]), max_market_exposure=0.3)
    assert rows["known_at"].n_unique() == 1
    assert rows.select("timeframe", "rule").rows() == [("1h", None), ("4h", "market_exposure")]


def test_outcomes_known_at_the_same_time_come_first_whatever_their_timeframe() -> None:
    first = signal(START_MS, 1, 100.0, 98.0, 104.0, signal_id="first")
    # Known at the close of a 4h bar, together with the 1h bar that opens at hour 3.
    ended = of_series(
        outcome_frame([outcome(START_MS, {**first, "ts": START_MS - 8 * HOUR}, "stopped", 98.0)]), "t:A", "4h"
    )
    signals = pl.concat([of_series(signal_frame([{**first, "ts": START_MS - 8 * HOUR}]), "t:A", "4h"), one("t:B", 3)])
    rows = walk((nothing()["closes"], signals, ended), max_concurrent_positions=1)
    assert rows["decision"].to_list() == ["accepted", "accepted"]
    # It lost its initial risk of 0.5 % and two fees.
    assert rows["equity"][1] == pytest.approx(100_000.0 - 500.0 - 0.0003 * 250 * 198)


def test_a_loss_in_one_market_halts_the_others() -> None:
    first = signal(START_MS, 1, 100.0, 98.0, 104.0, signal_id="first")
    ended = of_series(outcome_frame([outcome(START_MS + HOUR, first, "stopped", 20.0)]), "t:A")
    signals = pl.concat([of_series(signal_frame([first]), "t:A"), one("t:B", 2)])
    rows = walk((nothing()["closes"], signals, ended))
    assert rows["rule"].to_list() == [None, "drawdown_halt"]
    assert [reason.split(":")[0] for reason in rows["reasons"][1]] == ["drawdown_halt", "daily_loss"]


def test_volatility_target_takes_the_same_from_every_market() -> None:
    prices = walks(1, 100, 5, 0.0)[0]
    wild = 100.0 * (prices / 100.0) ** 2
    closes = closes_frame(
        [("t:A", START_MS + HOUR * i, p) for i, p in enumerate(prices.tolist())]
        + [("t:B", START_MS + HOUR * i, p) for i, p in enumerate(wild.tolist())]
    )
    signals = pl.concat([one("t:A", 99), one("t:B", 99), one("t:A", 10)])
    rows = walk((closes, signals, nothing()["outcomes"]), sizing="volatility_target", fee_rate=0.0)
    assert rows["rule"].to_list() == ["returns_history", None, None]
    assert rows.row(0, named=True)["rule_value"] == 10.0
    volatility = np.std(np.diff(np.log(prices))[-60:], ddof=1) * np.sqrt(24 * 365)
    assert rows["notional"].to_list()[1:] == [
        pytest.approx(100_000.0 * 0.1 / volatility), pytest.approx(100_000.0 * 0.05 / volatility),
    ]  # fmt: skip


@pytest.mark.parametrize("sizing", list(Sizing))
def test_every_limit_binds_somewhere_and_equity_adds_up(sizing: Sizing) -> None:
    rows = random_account(6, 700, seed=4, common=0.8)
    engine = AccountEngine(policy=FEW | {"sizing": sizing.value, "kelly_min_trades": 5, "kelly_prior_trades": 0.0})
    decided = engine.advance(*rows, END)
    assert decided.schema == ACCOUNT_DECISION_SCHEMA
    assert decided.height == rows[1].height > 500
    assert set(decided["decision"].unique()) == {"accepted", "resized", "rejected"}
    assert decided.filter(pl.col("rule").is_null() != (pl.col("decision") == "accepted")).is_empty()
    named = decided.filter(pl.col("decision") != "accepted")
    assert named.filter(pl.col("rule_value").is_null() | pl.col("rule_limit").is_null()).is_empty()
    assert (named["reasons"].list.first().str.split(":").list.first() == named["rule"]).all()
    taken = decided.filter(pl.col("decision") != "rejected").join(rows[1], on="signal_id")
    policy = engine.policy
    profit = 0.0
    for row in taken.iter_rows(named=True):
        left = 1.0
        profit -= row["size"] * row["entry"] * policy.fee_rate
        for event in rows[2].filter(signal_id=row["signal_id"]).sort("ts").iter_rows(named=True):
            part = 0.5 if event["outcome"] == "target_1" and row["target_2"] is not None else left
            left -= part
            moved = row["direction"] * (event["price"] - row["entry"]) - event["price"] * policy.fee_rate
            profit += row["size"] * part * moved
    assert engine.portfolio.equity == pytest.approx(policy.starting_equity + profit, rel=1e-12)
    assert abs(profit) > 100.0


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_limit_is_ever_exceeded(data: st.DataObject) -> None:
    rows = random_account(
        5, 200, data.draw(st.integers(0, 30)), common=data.draw(st.sampled_from([0.0, 0.6, 0.95])), density=0.3
    )
    policy = RiskPolicy.for_account(
        **FEW,
        sizing=data.draw(st.sampled_from([sizing.value for sizing in Sizing])),
        leverage=data.draw(st.sampled_from([1.0, 2.0, 20.0])),
        max_market_exposure=data.draw(st.one_of(st.none(), st.floats(0.05, 1.0))),
        max_cluster_exposure=data.draw(st.one_of(st.none(), st.floats(0.05, 2.0))),
        max_gross_exposure=data.draw(st.floats(0.1, 4.0)),
        max_net_exposure=data.draw(st.floats(0.1, 4.0)),
        max_open_risk=data.draw(st.one_of(st.none(), st.floats(0.001, 0.1))),
        max_concurrent_positions=data.draw(st.integers(1, 8)),
    )
    decided = AccountEngine(policy=policy).advance(*rows, END)
    near = 1.0 + 1e-9
    direction = pl.col("direction")
    share = pl.col("notional") / pl.col("equity")
    taken = decided.filter(pl.col("decision") != "rejected").with_columns(
        gross=pl.col("gross_exposure") + share,
        net=direction * pl.col("net_exposure") + share,
        in_cluster=pl.col("cluster_exposure") + share,
        risk=pl.col("open_risk") + pl.col("risk_fraction"),
    )
    assert (taken["notional"] <= taken["wanted_notional"]).all()
    limits = {
        "gross": min(policy.max_gross_exposure, policy.leverage),
        "net": policy.max_net_exposure,
        "in_cluster": policy.max_cluster_exposure,
        "risk": policy.max_open_risk,
        "risk_fraction": policy.max_risk_per_trade,
    }
    for name, limit in limits.items():
        assert limit is None or (taken[name] <= limit * near).all(), name
    assert (taken["open_positions"] < policy.max_concurrent_positions).all()
    assert (taken["notional"] >= policy.min_notional).all()
    assert (decided.filter(pl.col("decision") == "rejected")["size"] == 0.0).all()


@pytest.mark.parametrize("sizing", list(Sizing))
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_rows_do_not_depend_on_how_time_is_cut(sizing: Sizing, data: st.DataObject) -> None:
    rows = random_account(4, 160, data.draw(st.integers(0, 20)), common=0.7, density=0.2)
    rules = FEW | {"sizing": sizing.value, "kelly_min_trades": 5}
    whole = AccountEngine(policy=rules).advance(*rows, END)
    engine = AccountEngine(policy=rules)
    hours = data.draw(st.lists(st.integers(1, 200), max_size=6).map(sorted))
    odd = data.draw(st.integers(0, HOUR - 1))
    parts: list[pl.DataFrame] = []
    after = -(2**63)
    for until in [*(START_MS + hour * HOUR + odd for hour in hours), END]:
        parts.append(engine.advance(*cut(rows, after, until), until))
        after = until
        if data.draw(st.booleans()):
            engine = AccountEngine.restore(engine.snapshot(), policy=engine.policy)
    assert_same_bits(pl.concat(parts), whole)


def test_the_order_of_rows_does_not_matter() -> None:
    rows = random_account(5, 150, seed=2, density=0.4)
    mixed = tuple(frame.sample(fraction=1.0, shuffle=True, seed=5) for frame in rows)
    assert_same_bits(walk(mixed), walk(rows))  # pyright: ignore[reportArgumentType]


def test_years_in_one_call_are_the_same_as_in_many() -> None:
    rows = random_account(2, 5_000, seed=6, density=0.01)
    engine = AccountEngine(policy=FEW)
    whole = AccountEngine(policy=FEW).advance(*rows, END)
    parts = [
        engine.advance(*cut(rows, START_MS + (hour - 500) * HOUR, START_MS + hour * HOUR), START_MS + hour * HOUR)
        for hour in range(500, 5_001, 500)
    ]
    assert whole.height > 50
    assert_same_bits(pl.concat(parts), whole)


@pytest.mark.parametrize("sizing", list(Sizing))
def test_what_is_known_later_changes_no_decision(sizing: Sizing) -> None:
    """Another future: other closes, other signals and outcomes after an instant; the decisions up to it are the same."""
    rules = FEW | {"sizing": sizing.value, "kelly_min_trades": 5}
    instant = START_MS + 150 * HOUR
    rows, other = (random_account(4, 300, seed, common=common) for seed, common in ((3, 0.9), (4, 0.0)))
    mixed = tuple(
        pl.concat([mine.filter(known(mine) <= instant), theirs.filter(known(theirs) > instant)])
        for mine, theirs in zip(rows, other, strict=True)
    )
    before = pl.col("known_at").to_physical() <= instant
    first, second = walk(rows, **rules), walk(mixed, **rules)  # pyright: ignore[reportArgumentType]
    assert first.filter(before).height > 50
    assert_same_bits(second.filter(before), first.filter(before))
    assert not second.filter(~before).equals(first.filter(~before))


def test_restored_in_another_process(tmp_path: Path) -> None:
    rows = random_account(3, 300, seed=9)
    middle = START_MS + 120 * HOUR
    engine = AccountEngine(policy=FEW)
    engine.advance(*cut(rows, -1, middle), middle)
    (tmp_path / "state").write_bytes(engine.snapshot())
    rest = cut(rows, middle, END)
    for name, frame in zip(("closes", "signals", "outcomes"), rest, strict=True):
        frame.write_parquet(tmp_path / name)
    program = (
        "import sys, polars as pl; from pathlib import Path; from engines.risk import AccountEngine; "
        "p = Path(sys.argv[1]); e = AccountEngine.restore((p / 'state').read_bytes()); "
        f"e.advance(*(pl.read_parquet(p / n) for n in ('closes', 'signals', 'outcomes')), {END}).write_parquet(p / 'rows')"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root, timeout=120)
    expected = engine.advance(*rest, END)
    assert expected.height > 30
    assert_same_bits(pl.read_parquet(tmp_path / "rows"), expected)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"signals": one("t:A", -1)}, BadSignals, "row 0: signals of this call become known after"),
        ({"signals": one("t:A", 20_000)}, BadSignals, "row 0: signals of this call become known after"),
        ({"signals": one("t:A", 2, "7h")}, BadSignals, "row 0: timeframe is '7h'; known are 1m"),
        ({"signals": pl.concat([one("t:A", 2)] * 2)}, BadSignals, "row 1: signal_id 't:A2' has been given before"),
        ({"signals": one("t:A", 2, stop=101.0)}, BadSignals, "row 0: stop is not on the losing side of entry"),
        ({"signals": one("t:A", 2).drop("market")}, BadSignals, "column 'market' of the signals is missing"),
        ({"closes": closes_frame([("t:A", START_MS + 2 * HOUR, 0.0)])}, BadCloses, "close is not a finite number"),
        ({"closes": closes_frame([("t:A", START_MS + 2 * HOUR + 1, 5.0)])}, BadCloses, "off the grid of 1h"),
        ({"closes": closes_frame([("t:A", START_MS - HOUR, 5.0)])}, BadCloses, "not known after the last call"),
        ({"closes": closes_frame([("t:A", START_MS + 2 * HOUR, 5.0)] * 2)}, BadCloses, "two of its kind"),
        ({"closes": closes_frame([]).drop("close")}, BadCloses, "column 'close' must be there"),
    ],
)
def test_bad_rows_are_refused_and_nothing_moves(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    engine = AccountEngine(policy=FEW)
    engine.advance(**nothing(), until=START_MS + HOUR)
    before = engine.snapshot()
    with pytest.raises(error, match=message):
        engine.advance(**nothing() | changes, until=END)
    assert engine.snapshot() == before


def test_an_account_does_not_go_back() -> None:
    engine = AccountEngine()
    engine.advance(**nothing(), until=END)
    with pytest.raises(BadSignals, match="cannot go back"):
        engine.advance(**nothing(), until=END - 1)


def test_snapshots_of_other_policies_or_damaged_ones_are_refused() -> None:
    data = AccountEngine(policy=FEW).snapshot()
    with pytest.raises(StateMismatch, match="policy"):
        AccountEngine.restore(data, policy=RiskPolicy.for_account())
    with pytest.raises(StateMismatch):
        AccountEngine.restore(data[:-3])
