"""Runs a worked example through the compiled backtest or the plain one, and holds its fills against the numbers worked by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from engines.backtest.config import BacktestConfig
from engines.backtest.rows import FUNDING_SCHEMA
from engines.bars import BAR_SCHEMA
from tests.engines.backtest_cases import HOUR, QUARTER, SIGNALS, START, Case, frame

Candle = tuple[float, ...]
"""Open, high, low, close, and volume if it is not 100."""

PLAIN_TERMS: dict[str, Any] = {
    "cash": 1_000.0,
    "sizing": "fixed_quantity",
    "size": 1.0,
    "fees.maker_bp": 5.0,
    "fees.taker_bp": 10.0,
    "slippage.bp": 0.0,
}
"""What worked examples begin from: one unit, round fees, no slippage."""

FLAT: Candle = (100.0, 100.0, 100.0, 100.0)

both = pytest.mark.parametrize("engine", ["compiled", "plain"])


def long(at: int, **prices: float) -> dict[str, Any]:
    """A buy decided at the close of a bar."""
    return {"ts": START + at * HOUR, "direction": 1, **prices}


def short(at: int, **prices: float) -> dict[str, Any]:
    """A sale decided at the close of a bar."""
    return {"ts": START + at * HOUR, "direction": -1, **prices}


def flat(at: int) -> dict[str, Any]:
    """Direction 0, decided at the close of a bar."""
    return {"ts": START + at * HOUR, "direction": 0}


def case_of(
    bars: Sequence[Candle] | Mapping[str, Sequence[Candle]],
    signals: Sequence[dict[str, Any]],
    *,
    funding: Sequence[tuple[float, float]] | None = None,
    mark: Sequence[Candle] | None = None,
    finer: Sequence[Candle] | None = None,
    **changes: Any,
) -> Case:
    """Hourly bars (15 minutes if ``finer``) from `START` on; fundings as hour and rate. Double underscores stand for dots."""
    markets = bars if isinstance(bars, Mapping) else {"A": bars}
    terms = {**PLAIN_TERMS, **{name.replace("__", "."): value for name, value in changes.items()}}
    step = HOUR if finer is None else QUARTER
    return Case(
        frame([row for name, candles in markets.items() for row in _rows(name, candles, HOUR)], BAR_SCHEMA),
        frame([{"market": "A", **signal} for signal in signals], SIGNALS),
        BacktestConfig().with_values(terms),
        None
        if funding is None
        else frame(
            [
                {"market": name, "ts": START + round(hour * HOUR), "funding_rate": rate}
                for name in markets
                for hour, rate in funding
            ],
            FUNDING_SCHEMA,
        ),
        None if mark is None else frame(_rows("A", mark, step), BAR_SCHEMA),
        None if finer is None else frame(_rows("A", finer, QUARTER), BAR_SCHEMA),
    )


def _rows(market: str, candles: Sequence[Candle], step: int) -> list[dict[str, Any]]:
    return [
        {
            "market": market,
            "ts": START + k * step,
            **dict(zip(("open", "high", "low", "close"), candle[:4], strict=True)),
            "volume": candle[4] if len(candle) > 4 else 100.0,
        }
        for k, candle in enumerate(candles)
    ]


Row = tuple[float, float, float, float, str, float]
"""Hour of the bar, quantity (sold: negative), price, fee, reason, cash after."""


def worked(engine: str, case: Case, fills: Sequence[Row], fates: Sequence[str], final: float | None = None) -> None:
    """Asserts the fills, fates and (if given) the last equity of an example."""
    if engine == "compiled":
        result = case.compiled()
        rows = result.fills.with_columns(pl.col("ts").to_physical()).to_dicts()
        told = [
            (
                (row["ts"] - START) / HOUR,
                row["side"] * row["quantity"],
                row["price"],
                row["fee"],
                row["reason"],
                row["cash"],
            )
            for row in rows
        ]
        told_fates = result.signals["fate"].to_list()
        equity = float(result.equity["equity"][-1])
    else:
        outcome = case.plain()
        told = [
            (
                (fill.ts - START) / HOUR,
                float(fill.side * fill.quantity),
                float(fill.price),
                float(fill.fee),
                fill.reason.value,
                float(fill.cash),
            )
            for fill in outcome.fills
        ]
        told_fates = [fate.value for fate in outcome.fates]
        equity = float(outcome.equity[-1][2])
    assert [(row[0], row[4]) for row in told] == [(row[0], row[4]) for row in fills]
    for row, expected in zip(told, fills, strict=True):
        numbers = (row[1], row[2], row[3], row[5])
        assert numbers == pytest.approx((expected[1], expected[2], expected[3], expected[5]), rel=1e-9, abs=1e-9)
    assert told_fates == list(fates)
    assert equity == pytest.approx(final if final is not None else fills[-1][5] if fills else 1_000.0, rel=1e-9)
