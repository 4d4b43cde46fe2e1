"""Checks of the engines' rows: complete, unique, consistent with each other, and the same as the live path makes."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.chain import STAGES, ChainFold
from assets.fold import read_bars, read_rows
from assets.scope import markets_condition, scope_of_run
from stores.engine_states import newest_valid_state
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

if TYPE_CHECKING:
    import polars as pl

_REPLAYED_BARS = 120
_MILLISECOND = timedelta(milliseconds=1)

_COUNTS = {
    ("indicators", "one_row_a_bar"): (
        "Every bar of a computed series has exactly one row, up to the last computed bar.",
        "SELECT count() FROM (SELECT exchange, symbol, timeframe, ts, count() AS n FROM market.indicators FINAL "
        "WHERE {where} GROUP BY ALL) AS i FULL OUTER JOIN (SELECT exchange, symbol, timeframe, ts, 1 AS bar "
        "FROM market.candles FINAL WHERE {where} AND (exchange, symbol, timeframe, toDate(0)) IN "
        "(SELECT exchange, symbol, timeframe, toDate(0) FROM market.indicators WHERE {where})) AS c "
        "USING (exchange, symbol, timeframe, ts) WHERE i.n != 1 OR c.bar != 1",
    ),
    ("structure_events", "breaks_have_pivots"): (
        "Every break is of a pivot that became known before it.",
        "SELECT count() FROM (SELECT * FROM market.structure_events FINAL WHERE {where} AND kind IN ('bos', 'choch')) "
        "AS b LEFT ANTI JOIN (SELECT * FROM market.structure_events FINAL WHERE {where} "
        "AND kind IN ('swing_high', 'swing_low')) AS p "
        "ON b.exchange = p.exchange AND b.symbol = p.symbol AND b.timeframe = p.timeframe AND b.scale = p.scale "
        "AND b.origin_ts = p.origin_ts AND b.level = p.level",
    ),
    ("zone_events", "zones_begin_once"): (
        "Every zone has one creation, and no event before it.",
        "SELECT count() FROM (SELECT zone_id, countIf(event = 'created') AS creations, "
        "minIf(ts, event = 'created') AS created, min(ts) AS first FROM market.zone_events FINAL WHERE {where} "
        "GROUP BY exchange, symbol, timeframe, zone_id) WHERE creations != 1 OR first < created",
    ),
    ("signals", "stops_and_targets_in_order"): (
        "Stop, entry and targets of every signal lie in the order of its direction.",
        "SELECT count() FROM market.signals FINAL WHERE {where} AND NOT ((entry - stop) * direction > 0 "
        "AND (target_1 - entry) * direction > 0 AND (target_2 IS NULL OR (target_2 - target_1) * direction >= 0))",
    ),
    ("signal_outcomes", "outcomes_have_signals"): (
        "Every outcome is of a signal decided before it.",
        "SELECT count() FROM (SELECT * FROM market.signal_outcomes FINAL WHERE {where}) AS o "
        "LEFT JOIN (SELECT signal_id, ts AS decided FROM market.signals FINAL WHERE {where}) AS s USING signal_id "
        "WHERE s.decided = toDateTime64(0, 3) OR o.ts <= s.decided",
    ),
    ("risk_decisions", "every_signal_decided"): (
        "Every signal has exactly one decision, and one that is not accepted names its rule, the number and the limit.",
        "SELECT count() FROM (SELECT signal_id, 1 AS signal FROM market.signals FINAL WHERE {where}) AS s "
        "FULL OUTER JOIN (SELECT signal_id, count() AS n, countIf(version != '' AND decision != 'accepted' AND (rule IS NULL "
        "OR rule_value IS NULL OR rule_limit IS NULL OR empty(reasons))) AS unnamed "
        "FROM market.risk_decisions FINAL WHERE {where} GROUP BY signal_id) AS d USING signal_id "
        "WHERE s.signal != 1 OR d.n != 1 OR d.unnamed > 0",
    ),
    ("backtests", "trades_make_the_equity"): (
        "The last equity of every run is its cash at the beginning and the sum of its trades, to the cent.",
        "SELECT count() FROM (SELECT exchange, symbol, timeframe, strategy, run_id, JSONExtractFloat(config, 'cash') AS cash "
        "FROM market.backtest_runs FINAL WHERE {where}) AS r "
        "LEFT JOIN (SELECT run_id, sum(pnl) AS pnl FROM market.backtest_trades FINAL WHERE {where} GROUP BY run_id) AS t "
        "USING run_id LEFT JOIN (SELECT run_id, argMax(equity, ts) AS equity FROM market.backtest_equity FINAL "
        "WHERE {where} GROUP BY run_id) AS e USING run_id WHERE abs(r.cash + t.pnl - e.equity) >= 0.01",
    ),
    ("backtests", "no_trade_before_its_signal"): (
        "Every position was entered after the bar at whose close its signal was decided.",
        "SELECT count() FROM market.backtest_trades FINAL WHERE {where} AND (entry_ts <= signal_ts OR ts < entry_ts)",
    ),
}


@dg.multi_asset_check(
    name="row_checks",
    specs=[dg.AssetCheckSpec(name, asset=asset, description=text) for (asset, name), (text, _) in _COUNTS.items()],
    can_subset=True,
)
def row_checks(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Count the rows that break a rule; none may."""
    where, parameters = markets_condition(scope_of_run(context))
    for (asset, name), (_, sql) in _COUNTS.items():
        if dg.AssetCheckKey(dg.AssetKey(asset), name) not in context.selected_asset_check_keys:
            continue
        count = int(warehouse.scalar(sql.replace("{where}", where), parameters))
        yield dg.AssetCheckResult(
            passed=count == 0, asset_key=asset, check_name=name, metadata={"rows_that_break_it": count}
        )


@dg.multi_asset_check(
    name="batch_equals_live",
    specs=[
        dg.AssetCheckSpec(
            "batch_equals_live",
            asset=asset,
            description="Bars fed one at a time, as the live path does, give the stored rows bit for bit.",
        )
        for asset in STAGES
    ],
)
def batch_equals_live(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> Iterator[dg.AssetCheckResult]:
    """Replay the bars after a stored state one by one and compare every row with what stands in the tables."""
    markets = scope_of_run(context) or tuple(Market.parse(text) for text in settings.markets)
    series = [Series(market, timeframe) for market in markets for timeframe in settings.timeframes]
    differing: dict[str, list[str]] = {asset: [] for asset in STAGES}
    bars = 0
    for one in series:
        replayed, different = replay(warehouse, one, strategies=settings.strategies)
        bars += replayed
        for asset in different:
            differing[asset].append(str(one))
    for asset, names in differing.items():
        yield dg.AssetCheckResult(
            passed=not names,
            asset_key=asset,
            check_name="batch_equals_live",
            metadata={"replayed_bars": bars, "differing_series": ", ".join(names) or "none"},
        )


def replay(
    warehouse: Warehouse, series: Series, bars: int = _REPLAYED_BARS, strategies: Path | None = None
) -> tuple[int, list[str]]:
    """Feed up to ``bars`` bars one at a time and compare the rows with the stored ones.

    Returns
    -------
    tuple of int and list of str
        Bars replayed, and the assets whose rows differ.
    """
    import polars as pl

    fold = ChainFold(strategies)
    newest = newest_valid_state(warehouse, series, fold.name, fold.version)
    if newest is None:
        return 0, []
    state = newest_valid_state(warehouse, series, fold.name, fold.version, before=newest.month)
    engine = fold.start(series) if state is None else fold.restore(series, state.snapshot)
    first = newest.month - timedelta(days=3660) if state is None else state.last_ts + _MILLISECOND
    window = read_bars(warehouse, series, first, newest.last_ts + _MILLISECOND).head(bars)
    if window.is_empty():
        return 0, []
    rows: dict[str, list[pl.DataFrame]] = {table: [] for table in fold.tables}
    for position in range(window.height):
        for table, frame in fold.advance(engine, window.slice(position, 1), {}).items():
            rows[table].append(frame)
    end = window["ts"][-1] + _MILLISECOND
    stored = {table: read_rows(warehouse, table, series, first, end) for table in fold.tables}
    return window.height, [asset for asset, table in STAGES.items() if not _same(pl.concat(rows[table]), stored[table])]


def _same(made: "pl.DataFrame", stored: "pl.DataFrame") -> bool:
    stored = stored.select(made.columns).cast(made.schema)
    return _ordered(made).equals(_ordered(stored))


def _ordered(frame: "pl.DataFrame") -> "pl.DataFrame":
    plain: Sequence[Any] = [name for name, dtype in frame.schema.items() if not dtype.is_nested()]
    return frame.sort(plain)
