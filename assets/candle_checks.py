"""Checks of the candles: are the bars what they claim to be, and are they all there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.scope import markets_condition, scope_of_run
from engines.timeframe import Timeframe
from stores.settings import Settings
from stores.warehouse import Warehouse

_WARN = dg.AssetCheckSeverity.WARN
_ERROR = dg.AssetCheckSeverity.ERROR

_SPECS = {
    "on_grid": "Every open time stands on the grid of its timeframe.",
    "ohlc_sane": "High is the highest, low the lowest, prices are above zero, volume is not negative.",
    "no_duplicates": "One bar a series and open time.",
    "gaps": "No bar is missing between the first and the last; missing ones are listed in market.candle_gaps.",
    "refused_files": "No batch was refused whole, no bar for an ambiguous time.",
    "restatements": "No bar was restated by its source after it was first stored.",
    "freshness": "The newest bar is not older than two bars and ten minutes.",
}


@dg.multi_asset_check(
    name="candle_checks",
    specs=[dg.AssetCheckSpec(name, asset="candles", description=text) for name, text in _SPECS.items()],
)
def candle_checks(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> Iterator[dg.AssetCheckResult]:
    """Look at all stored bars of the markets of this run, or of every market when run by itself."""
    del settings
    where, parameters = markets_condition(scope_of_run(context))
    yield _off_grid(warehouse, where, parameters)
    yield _insane(warehouse, where, parameters)
    yield _duplicates(warehouse, where, parameters)
    yield _gaps(warehouse, where, parameters)
    yield _refused(warehouse, where, parameters)
    yield _restated(warehouse, where, parameters)
    yield _freshness(warehouse, where, parameters, datetime.now(UTC))


def _off_grid(warehouse: Warehouse, where: str, parameters: dict[str, Any]) -> dg.AssetCheckResult:
    steps = ", ".join(f"'{timeframe.value}', {timeframe.milliseconds}" for timeframe in Timeframe)
    offsets = f"if(timeframe = '1w', {Timeframe.W1.offset_ms}, 0)"
    sql = (
        f"SELECT count() FROM market.candles FINAL WHERE {where} AND "
        f"(toUnixTimestamp64Milli(ts) - {offsets}) % map({steps})[timeframe] != 0"
    )
    return _count_is_zero("on_grid", warehouse, sql, parameters, "off_grid_bars", _ERROR)


def _insane(warehouse: Warehouse, where: str, parameters: dict[str, Any]) -> dg.AssetCheckResult:
    sql = (
        f"SELECT count() FROM market.candles FINAL WHERE {where} AND NOT "
        "(high >= greatest(open, close) AND low <= least(open, close) AND low > 0 AND volume >= 0 "
        "AND isFinite(open) AND isFinite(high) AND isFinite(low) AND isFinite(close) AND isFinite(volume))"
    )
    return _count_is_zero("ohlc_sane", warehouse, sql, parameters, "bad_bars", _ERROR)


def _duplicates(warehouse: Warehouse, where: str, parameters: dict[str, Any]) -> dg.AssetCheckResult:
    sql = f"SELECT count() - uniqExact(exchange, symbol, timeframe, ts) FROM market.candles FINAL WHERE {where}"
    return _count_is_zero("no_duplicates", warehouse, sql, parameters, "repeated_bars", _ERROR)


def _count_is_zero(
    name: str, warehouse: Warehouse, sql: str, parameters: dict[str, Any], label: str, severity: dg.AssetCheckSeverity
) -> dg.AssetCheckResult:
    count = int(warehouse.scalar(sql, parameters))
    return dg.AssetCheckResult(passed=count == 0, check_name=name, severity=severity, metadata={label: count})


def _gaps(warehouse: Warehouse, where: str, parameters: dict[str, Any]) -> dg.AssetCheckResult:
    row = warehouse.query_rows(
        "SELECT count() AS gaps, sum(missing_bars) AS missing, max(missing_bars) AS longest "
        f"FROM market.candle_gaps FINAL WHERE {where} AND missing_bars > 0",
        parameters,
    )[0]
    return dg.AssetCheckResult(
        passed=row["gaps"] == 0,
        check_name="gaps",
        severity=_WARN,
        metadata={
            "gaps": int(row["gaps"]),
            "missing_bars": int(row["missing"]),
            "longest_gap_bars": int(row["longest"]),
        },
    )


def _refused(warehouse: Warehouse, where: str, parameters: dict[str, Any]) -> dg.AssetCheckResult:
    row = warehouse.query_rows(
        "SELECT countIf(status = 'refused') AS batches, sumIf(refused_bars, status = 'accepted') AS bars, "
        "sumIf(snapped_bars, status = 'accepted') AS snapped, "
        "groupArrayIf(10)(concat(origin, ': ', reason), status = 'refused') AS reasons "
        f"FROM market.ingestion_reports FINAL WHERE {where}",
        parameters,
    )[0]
    batches, bars = int(row["batches"]), int(row["bars"])
    return dg.AssetCheckResult(
        passed=batches == 0 and bars == 0,
        check_name="refused_files",
        severity=_ERROR if batches else _WARN,
        metadata={
            "refused_batches": batches,
            "refused_bars": bars,
            "snapped_bars": int(row["snapped"]),
            "reasons": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in row["reasons"]) or "none"),
        },
    )


def _restated(warehouse: Warehouse, where: str, parameters: dict[str, Any]) -> dg.AssetCheckResult:
    row = warehouse.query_rows(
        f"SELECT count() AS bars, max(ts) AS newest FROM market.candle_restatements FINAL WHERE {where}",
        parameters,
    )[0]
    metadata: dict[str, Any] = {"restated_bars": int(row["bars"])}
    if row["bars"]:
        metadata["newest"] = dg.MetadataValue.timestamp(row["newest"].replace(tzinfo=UTC))
    return dg.AssetCheckResult(
        passed=row["bars"] == 0,
        check_name="restatements",
        severity=_WARN,
        metadata=metadata,
        description="Rows computed from the old version stand until a run with 'recompute' makes them anew.",
    )


def _freshness(warehouse: Warehouse, where: str, parameters: dict[str, Any], now: datetime) -> dg.AssetCheckResult:
    rows = warehouse.query_rows(
        "SELECT exchange, symbol, timeframe, max(ts) AS newest "
        f"FROM market.candles WHERE {where} GROUP BY exchange, symbol, timeframe",
        parameters,
    )
    late: list[str] = []
    for row in rows:
        length = timedelta(milliseconds=Timeframe(row["timeframe"]).milliseconds)
        age = now - (row["newest"].replace(tzinfo=UTC) + length)
        if age > 2 * length + timedelta(minutes=10):
            late.append(f"- {row['exchange']}:{row['symbol']} {row['timeframe']}: {age.total_seconds() / 3600:,.1f} h")
    return dg.AssetCheckResult(
        passed=not late,
        check_name="freshness",
        severity=_WARN,
        metadata={"series": len(rows), "late": dg.MetadataValue.md("\n".join(sorted(late)) or "none")},
    )
