"""Stage `serving`: accepted signals and their outcomes, carried to the database the API reads.

Publication is final: a signal that stands there is never changed, whatever a later recomputation makes of its bar.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from assets.partitions import MARKET_MONTHS, MarketWindow, market_windows
from assets.queries import IN_WINDOW, window_parameters
from assets.scope import markets_condition, scope_of_run
from assets.series import origin
from engines.timeframe import Timeframe
from engines.versions import RISK_ROWS
from stores.settings import Settings
from stores.warehouse import Series, Warehouse

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Engine

_ROWS_PER_WRITE = 5_000


@dg.asset(
    key="published_signals",
    deps=["signals", "signal_outcomes", "risk_decisions"],
    group_name="serving",
    partitions_def=MARKET_MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=RISK_ROWS,
    kinds={"postgres"},
)
def published_signals(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Signals that risk accepted or resized, and what became of them."""
    from stores import database

    tagged = warehouse.tagged(origin(context, "published_signals"))
    signals = outcomes = new_signals = new_outcomes = 0
    serving = database.engine(settings)
    try:
        for window in market_windows(context.partition_keys):
            for timeframe in settings.timeframes:
                series = Series(window.market, timeframe)
                accepted = accepted_signals(tagged, series, window)
                known = known_outcomes(tagged, series, window)
                signals, outcomes = signals + accepted.height, outcomes + known.height
                new = _publish(serving, accepted, known)
                new_signals, new_outcomes = new_signals + new[0], new_outcomes + new[1]
    finally:
        serving.dispose()
    context.log.info(f"published {new_signals:,} new signals and {new_outcomes:,} new outcomes")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": signals,
            "dagster/relation_identifier": "serving.published_signals",
            "new_signals": new_signals,
            "outcomes": outcomes,
            "new_outcomes": new_outcomes,
        }
    )


def accepted_signals(warehouse: Warehouse, series: Series, window: MarketWindow) -> "pl.DataFrame":
    """Signals of a window that risk let through, with their decision, in the columns of the serving table."""
    frame = warehouse.query_polars(
        "SELECT s.*, d.decision AS decision, d.size AS size, d.notional AS notional, d.risk_amount AS risk_amount, "
        "d.risk_fraction AS risk_fraction "
        f"FROM (SELECT * FROM market.signals FINAL WHERE {IN_WINDOW}) AS s "
        f"INNER JOIN (SELECT * FROM market.risk_decisions FINAL WHERE {IN_WINDOW} AND decision != 'rejected') AS d "
        "USING (signal_id) ORDER BY s.ts, s.signal_id",
        window_parameters(window, series.timeframe),
    )
    return _with_known_at(frame, series)


def known_outcomes(warehouse: Warehouse, series: Series, window: MarketWindow) -> "pl.DataFrame":
    """Outcomes of a window, in the columns of the serving table."""
    frame = warehouse.query_polars(
        "SELECT signal_id, outcome, ts, price, r_multiple, bars_held FROM market.signal_outcomes FINAL "
        f"WHERE {IN_WINDOW} ORDER BY ts, signal_id, outcome",
        window_parameters(window, series.timeframe),
    )
    return _with_known_at(frame, series)


def _with_known_at(frame: "pl.DataFrame", series: Series) -> "pl.DataFrame":
    import polars as pl

    length = timedelta(milliseconds=Timeframe(series.timeframe).milliseconds)
    return frame.with_columns((pl.col("ts") + length).alias("known_at"))


def _publish(serving: "Engine", signals: "pl.DataFrame", outcomes: "pl.DataFrame") -> tuple[int, int]:
    """Publish in transactions of bounded size; an outcome never before its signal."""
    from stores import database

    new_signals = new_outcomes = 0
    for rows in signals.iter_slices(_ROWS_PER_WRITE):
        with database.session(serving) as session:
            new_signals += database.publish(session, rows.iter_rows(named=True))
    for rows in outcomes.iter_slices(_ROWS_PER_WRITE):
        with database.session(serving) as session:
            new_outcomes += database.publish_outcomes(session, rows.iter_rows(named=True))
    return new_signals, new_outcomes


@dg.asset_check(
    asset="published_signals",
    name="published_equals_accepted",
    description="Every accepted signal of the warehouse is served, and with the same numbers.",
)
def published_equals_accepted(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Compare what is served with what the warehouse holds now, signal by signal."""
    from sqlalchemy import text

    from stores import database

    where, parameters = markets_condition(scope_of_run(context))
    accepted = warehouse.query_rows(
        "SELECT s.signal_id AS signal_id, s.entry AS entry, s.stop AS stop, s.target_1 AS target_1 "
        f"FROM (SELECT * FROM market.signals FINAL WHERE {where}) AS s INNER JOIN "
        f"(SELECT signal_id FROM market.risk_decisions FINAL WHERE {where} AND decision != 'rejected') AS d "
        "USING (signal_id)",
        parameters,
    )
    serving = database.engine(settings)
    try:
        with serving.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT signal_id::text, entry, stop, target_1 FROM serving.published_signals "
                    "WHERE (CAST(:exchange AS text) IS NULL OR exchange = :exchange) "
                    "AND (CAST(:symbol AS text) IS NULL OR symbol = :symbol)"
                ),
                {"exchange": parameters.get("exchange"), "symbol": parameters.get("symbol")},
            )
            served = {row[0]: tuple(row[1:]) for row in rows}
    finally:
        serving.dispose()
    expected = {row["signal_id"]: (row["entry"], row["stop"], row["target_1"]) for row in accepted}
    missing = [one for one in expected if one not in served]
    different = [one for one, numbers in expected.items() if one in served and served[one] != numbers]
    return dg.AssetCheckResult(
        passed=not missing and not different,
        metadata={
            "accepted": len(expected),
            "served": len(served),
            "missing": len(missing),
            "different": len(different),
            # A recomputation on changed history may no longer make a signal that was published: it stays published.
            "served_but_no_longer_accepted": len(served.keys() - expected.keys()),
        },
    )
