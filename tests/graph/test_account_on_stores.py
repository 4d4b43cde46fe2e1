"""An account on real stores: decisions stand, whatever comes late, twice, or after a run that died."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import assets.account
from assets.account import Account, advance_account
from assets.partitions import MarketWindow, next_month
from assets.risk_checks import broken_limits
from engines.risk import AccountEngine
from stores.account_log import DECISIONS
from stores.markets import Market
from stores.warehouse import Warehouse
from tests.engines.account_rows import HOUR, Rows, cut, random_account
from tests.engines.market_bars import START_MS
from tests.graph.stored_accounts import (
    END,
    FIRST,
    STEPS,
    TABLES,
    decide,
    engine_rows,
    markets,
    of,
    sizes,
    store,
    stored,
    windows,
)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return random_account(4, STEPS, seed=7, common=0.8, density=0.25)


def assert_decides(frame: pl.DataFrame, expected: pl.DataFrame) -> None:
    """The stored decisions are the engine's, bit for bit."""
    columns = [name for name in expected.columns if name not in ("market", "known_at")]
    assert frame.height == expected.height > 0
    ordered = frame.select(columns).cast(expected.select(columns).schema).sort("signal_id")
    assert ordered.equals(expected.select(columns).sort("signal_id"))


def test_the_stored_account_is_the_engine_s_however_time_is_cut(stores: Warehouse, rows: Rows) -> None:
    names = markets(rows)
    after = START_MS - HOUR
    walked: list[int] = []
    for until in (START_MS + 300 * HOUR, START_MS + 301 * HOUR, START_MS + 777 * HOUR, END):
        store(stores, cut(rows, after, until))
        walked.append(decide(stores, names).walked)
        after = until
    expected = engine_rows(rows)
    assert_decides(stored(stores), expected)
    assert set(expected["decision"]) == {"accepted", "resized", "rejected"}
    assert {"cluster_exposure", "market_exposure"} & set(expected["rule"].drop_nulls())
    # Each run goes on from a stored state: none walks over what the one before has seen, but for what had not ended.
    assert sum(walked) < 1.2 * expected.height
    assert stores.scalar("SELECT count() FROM market.risk_reconsidered") == 0


def test_a_rerun_and_rows_that_come_twice_change_nothing(stores: Warehouse, rows: Rows) -> None:
    names = markets(rows)
    store(stores, rows)
    decide(stores, names)
    before = stored(stores)
    again = decide(stores, names)
    assert (again.decisions, again.walked, again.removed) == (0, 0, 0)
    store(stores, rows)
    twice = decide(stores, names)
    assert (twice.decisions, twice.reconsidered, twice.removed) == (0, 0, 0)
    assert stored(stores).equals(before)


def test_a_late_market_changes_no_decision_and_gets_the_room_that_is_left(stores: Warehouse, rows: Rows) -> None:
    names = markets(rows)
    early, late = names[1:], names[:1]
    store(stores, of(rows, early))
    decide(stores, early)
    before = stored(stores)
    assert_decides(before, engine_rows(of(rows, early)))

    store(stores, of(rows, late))
    done = decide(stores, late)
    assert stored(stores, early).equals(before)
    expected = engine_rows(rows, sizes(before))
    assert_decides(stored(stores, late), expected.filter(pl.col("market").is_in(late)))
    assert done.decisions == rows[1].filter(pl.col("market").is_in(late)).height
    assert done.removed == 0

    # What would have been decided had it come in time is there to be seen, with the rule.
    would = expected.filter(~pl.col("market").is_in(late)).join(before, on="signal_id", suffix="_stood")
    moved = (pl.col("size") - pl.col("size_stood")).abs() > 1e-9 * pl.max_horizontal("size", "size_stood")
    changed = would.filter((pl.col("decision") != pl.col("decision_stood")) | moved)
    seen = stores.query_polars("SELECT * FROM market.risk_reconsidered FINAL")
    assert 0 < done.reconsidered == seen.height
    assert set(seen["signal_id"]) == set(changed["signal_id"])
    assert seen.filter((pl.col("decision") != "accepted") & pl.col("rule").is_null()).is_empty()

    # Nothing of it is undone by a run of the others, or by looking.
    decide(stores, early)
    advance_account(stores, Account.PAPER)
    assert stored(stores, early).equals(before)


def test_a_late_market_is_decided_without_a_look_ahead(stores: Warehouse, rows: Rows) -> None:
    """What it is told up to an instant does not depend on what the others did after it."""
    names = markets(rows)
    early, late = names[1:], names[:1]
    instant = START_MS + 500 * HOUR
    found: list[pl.DataFrame] = []
    for until in (END, instant):
        for table in TABLES:
            stores.command(f"TRUNCATE TABLE market.{table}")
        store(stores, cut(of(rows, early), START_MS - HOUR, until))
        decide(stores, early)
        store(stores, cut(of(rows, late), START_MS - HOUR, until))
        decide(stores, late)
        wanted = cut(rows, START_MS - HOUR, instant)[1]["signal_id"]
        found.append(stored(stores, late).filter(pl.col("signal_id").is_in(wanted.to_list())))
    assert found[1].height > 50
    assert found[0].equals(found[1])


@pytest.mark.parametrize("dies_in", ["save_state", "insert", "remove_superseded"])
def test_a_run_that_died_is_simply_run_again(
    stores: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    names = markets(rows)
    store(stores, rows)
    calls = 0
    real = Warehouse.insert if dies_in == "insert" else getattr(assets.account, dies_in)

    def dies(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > (0 if dies_in == "remove_superseded" else 1):
            raise KeyboardInterrupt
        return real(*arguments, **options)

    def dies_after_half(stores: Warehouse, table: str, frame: pl.DataFrame) -> int:
        """Write some of the rows, as when only some partitions of an insert arrive, and die."""
        if table != DECISIONS or frame.height < 100:
            return real(stores, table, frame)
        real(stores, table, frame.head(frame.height // 2))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if dies_in == "insert":
            patched.setattr(Warehouse, "insert", dies_after_half)
        else:
            patched.setattr(assets.account, dies_in, dies)
        with pytest.raises(KeyboardInterrupt):
            decide(stores, names)
    assert not stored(stores).is_empty()
    decide(stores, names)
    assert_decides(stored(stores), engine_rows(rows))
    assert stores.scalar("SELECT count() FROM market.risk_reconsidered") == 0


def test_outcomes_that_come_late_are_taken_into_account_from_then_on(stores: Warehouse, rows: Rows) -> None:
    names = markets(rows)
    middle = START_MS + 500 * HOUR
    before, after = cut(rows, START_MS - HOUR, middle), cut(rows, middle, END)
    store(stores, (before[0], before[1], before[2].head(0)))
    decide(stores, names)
    early = stored(stores)
    store(stores, (after[0], after[1], rows[2]))
    decide(stores, names)
    expected = engine_rows(rows, sizes(early))
    assert stored(stores).join(early, on="signal_id", how="semi").equals(early)
    late = expected.filter(~pl.col("signal_id").is_in(early["signal_id"].to_list()))
    assert_decides(stored(stores).join(late, on="signal_id", how="semi"), late)


def test_a_signal_that_is_another_now_is_decided_anew_and_one_that_is_no_more_has_no_decision(
    stores: Warehouse, rows: Rows
) -> None:
    names = markets(rows)
    store(stores, rows)
    decide(stores, names)
    before = stored(stores)
    changed, gone = before.filter(pl.col("decision") == "accepted")["signal_id"][3, 9].to_list()
    stores.command("DELETE FROM market.signals WHERE signal_id IN {ids:Array(String)}", {"ids": [changed, gone]})
    signal = rows[1].filter(pl.col("signal_id") == changed)
    nudged = signal.with_columns(pl.col("entry") + (pl.col("target_1") - pl.col("entry")) / 100)
    store(stores, (rows[0].head(0), nudged, rows[2].head(0)))
    done = decide(stores, names)
    now = stored(stores)
    assert (done.decisions, done.removed) == (1, 2)
    assert now.height == before.height - 1
    assert gone not in now["signal_id"].to_list()
    assert now.filter(pl.col("signal_id") == changed)["entry"].to_list() == nudged["entry"].to_list()
    others = ~pl.col("signal_id").is_in([changed, gone])
    assert now.filter(others).equals(before.filter(others))


def test_recompute_decides_a_market_anew_and_leaves_the_others(stores: Warehouse, rows: Rows) -> None:
    names = markets(rows)
    for name in names:
        store(stores, of(rows, [name]))
        decide(stores, [name])
    before = stored(stores)
    done = decide(stores, names[:1], recompute=True)
    assert done.removed == done.decisions == stored(stores, names[:1]).height
    assert stored(stores, names[1:]).equals(stored(stores, names[1:]).join(before, on="signal_id", how="semi"))
    # All markets together: as if all had been there from the beginning.
    decide(stores, names, recompute=True)
    assert_decides(stored(stores), engine_rows(rows))


def test_decisions_of_an_older_definition_are_made_anew(
    stores: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = markets(rows)
    store(stores, rows)
    with monkeypatch.context() as patched:
        patched.setattr(assets.account, "RISK_ROWS", "older")
        decide(stores, names)
    assert set(stored(stores)["version"]) == {"older"}
    done = decide(stores, names)
    assert done.removed == done.decisions == rows[1].height
    assert set(stored(stores)["version"]) == {assets.account.RISK_ROWS}
    assert_decides(stored(stores), engine_rows(rows))


def test_a_month_asked_for_decides_it_and_what_is_before(stores: Warehouse, rows: Rows) -> None:
    names = markets(rows)
    store(stores, rows)
    end = next_month(FIRST)
    advance_account(stores, Account.PAPER, [MarketWindow(Market.parse(name), FIRST, end) for name in names])
    assert stored(stores)["ts"].max() < end  # pyright: ignore[reportOperatorIssue]
    assert stored(stores).height == rows[1].filter(pl.col("ts") < end).height
    decide(stores, names)
    assert_decides(stored(stores), engine_rows(rows))


def test_only_the_timeframes_asked_for_are_decided(stores: Warehouse, rows: Rows) -> None:
    names = markets(rows)
    store(stores, rows)
    decide(stores, names, timeframes=("4h",))
    first = stored(stores)
    assert set(first["timeframe"]) == {"4h"}
    decide(stores, names, timeframes=("1h",))
    assert stored(stores).join(first, on="signal_id", how="semi").equals(first)
    assert stored(stores).height == rows[1].height


def test_a_decision_over_a_limit_is_found(stores: Warehouse, rows: Rows) -> None:
    store(stores, rows)
    decide(stores, markets(rows))
    broken = broken_limits(stores, "1", {})
    assert set(broken.values()) == {0}
    assert len(broken) == 8
    row = stores.query_polars(f"SELECT * FROM {DECISIONS} WHERE decision = 'accepted' ORDER BY signal_id LIMIT 1")
    stores.insert(DECISIONS, row.with_columns(pl.col("equity") * 0.5 / pl.col("equity") * pl.col("notional")))
    found = {name for name, count in broken_limits(stores, "1", {}).items() if count}
    assert {"max_position_fraction", "max_cluster_exposure"} <= found


def test_simulated_markets_have_an_account_of_their_own(stores: Warehouse, rows: Rows) -> None:
    store(stores, rows)
    decide(stores, markets(rows))
    before = stored(stores)
    simulated = tuple(frame.with_columns(pl.col("market").str.replace("test:", "sim:")) for frame in rows)
    renamed = (pl.concat_str(pl.lit("sim"), "signal_id")).alias("signal_id")
    store(stores, (simulated[0], simulated[1].with_columns(renamed), simulated[2].with_columns(renamed)))
    assert decide(stores, markets(rows)).walked == 0
    advance_account(stores, Account.SIMULATED, windows([name.replace("test:", "sim:") for name in markets(rows)]))
    frame = stored(stores)
    assert frame.filter(pl.col("account") == "paper").equals(before)
    assert frame.filter(pl.col("account") == "sim")["size"].sum() == before["size"].sum()


def test_nothing_stored_is_no_error(stores: Warehouse) -> None:
    done = decide(stores, ["test:M00"])
    assert (done.until, done.decisions) == (None, 0)
    assert advance_account(stores, Account.PAPER).until is None
    assert done.engine.portfolio.equity == AccountEngine().policy.starting_equity
