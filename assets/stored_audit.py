"""Stored bars and rows as the replay audit takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assets.chain import STAGES, ChainFold
from assets.fold import read_bars, read_rows
from assets.signal_outcomes import TABLE as OUTCOMES_TABLE
from stores.engine_states import EngineState, newest_valid_state
from stores.warehouse import IN_SERIES, Series, Warehouse

if TYPE_CHECKING:
    import polars as pl

    from engines.audit import AuditPlan, AuditReport, EngineReader

AUDITED: Mapping[str, str] = {**STAGES, "signal_outcomes": OUTCOMES_TABLE}
"""Table by asset, for every asset whose rows the audit of the chain makes anew."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def stored_series(
    warehouse: Warehouse, markets: Sequence[str] | None = None, timeframes: Sequence[str] | None = None
) -> list[Series]:
    """Series that rows were computed for, or bars were stored for if they are named; in order.

    Parameters
    ----------
    warehouse : Warehouse
    markets, timeframes : sequence of str, optional
        Only these; all if not given.
    """
    from stores.markets import Market

    table = "market.candles" if timeframes else "market.indicators"
    rows = warehouse.query_rows(f"SELECT DISTINCT exchange, symbol, timeframe FROM {table}")
    found = [Series(Market(row["exchange"], row["symbol"]), row["timeframe"]) for row in rows]
    return sorted(
        one
        for one in found
        if (not markets or str(one.market) in markets) and (not timeframes or one.timeframe in timeframes)
    )


def chain_of(series: Series, strategies: Path | None = None) -> EngineReader:
    """The chain as the graph runs it for a series, with the outcomes of its signals; ``strategies`` is the user's folder."""
    from engines.audit import chain_reader

    return chain_reader(str(series.market), series.timeframe, lambda: ChainFold(strategies).start(series))


def audit_rows(
    warehouse: Warehouse, series: Series, reader: EngineReader, bars: pl.DataFrame, first: int = 0
) -> AuditReport | None:
    """Hold what is stored of a series against what a reader makes of its bars.

    Parameters
    ----------
    warehouse : Warehouse
    series : Series
    reader : EngineReader
    bars : DataFrame
        All stored bars, from the first of the series on.
    first : int
        Index of the first bar whose rows are compared.

    Returns
    -------
    AuditReport or None
        None if no rows have been computed for these bars, or none of the reader's tables is stored. Bars after the last one
        computed are left out: they are new, not wrong.
    """
    from engines.audit import audit_stored

    computed = warehouse.query_polars(
        f"SELECT max(ts) AS last, count() AS n FROM market.indicators WHERE {IN_SERIES}", series.parameters
    )
    tables = {one.table: AUDITED[one.table] for one in reader.tables if one.table in AUDITED}
    if not tables or not computed["n"][0]:
        return None
    bars = bars.filter(bars["ts"] <= computed["last"][0])
    if bars.height <= first:
        return None
    end = bars["ts"][-1] + _MILLISECOND
    stored = {name: read_rows(warehouse, table, series, bars["ts"][first], end) for name, table in tables.items()}
    return audit_stored(reader, bars, stored, first)


def audit_recent(
    warehouse: Warehouse, series: Series, bars: int, plan: AuditPlan, strategies: Path | None = None
) -> AuditReport | None:
    """Audit the chain over the newest bars of a series, from the stored state before them.

    Parameters
    ----------
    warehouse : Warehouse
    series : Series
    bars : int
        Bars to look at: the last ones computed. What comes between them and the state is folded and not looked at.
    plan : AuditPlan
        How much is replayed; its ``first`` is not used.
    strategies : Path, optional
        Folder of the user's own strategies.

    Returns
    -------
    AuditReport or None
        None if nothing has been computed for the series.
    """
    from engines.audit import audit, chain_reader

    fold = ChainFold(strategies)
    newest = newest_valid_state(warehouse, series, fold.name, fold.version)
    if newest is None:
        return None
    recent = warehouse.query_polars(
        f"SELECT min(ts) AS first FROM (SELECT ts FROM market.candles FINAL WHERE {IN_SERIES} "
        "AND ts <= {last:DateTime64(3, 'UTC')} ORDER BY ts DESC LIMIT {bars:UInt32})",
        {**series.parameters, "last": newest.last_ts, "bars": bars},
    )
    state = newest_valid_state(warehouse, series, fold.name, fold.version, before=recent["first"][0])
    first, begin = BEGINNING, partial(fold.start, series)
    if state is not None and _stands(fold, series, state):
        first, begin = state.last_ts + _MILLISECOND, partial(fold.restore, series, state.snapshot)
    window = read_bars(warehouse, series, first, newest.last_ts + _MILLISECOND)
    plan = replace(plan, first=max(window.height - bars, 0))
    return audit(chain_reader(str(series.market), series.timeframe, begin), window, plan)


def _stands(fold: ChainFold, series: Series, state: EngineState) -> bool:
    """Whether a stored state can be restored; where it cannot, the rows are made from the first bar, as the graph does."""
    from engines.errors import StateMismatch

    try:
        fold.restore(series, state.snapshot)
    except StateMismatch:
        return False
    return True
