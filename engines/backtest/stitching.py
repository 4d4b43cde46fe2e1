"""The account that goes through the test windows of a walk-forward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from engines.backtest.config import BacktestConfig
from engines.backtest.frames import trade_arrays
from engines.backtest.metrics import Curve, TradeArrays, summary
from engines.backtest.metrics.catalogue import METRIC_NAMES
from engines.backtest.metrics.inputs import curve_of, no_trades
from engines.backtest.parameter_space import ParameterSet
from engines.backtest.result import BacktestResult
from engines.backtest.rows import EQUITY_SCHEMA
from engines.backtest.simulate import PreparedBars
from engines.backtest.sweeps import split
from engines.backtest.window_bars import between
from engines.backtest.windows import Window
from engines.signals.rows import floats, time_series, times


def config_of(one: ParameterSet, config: BacktestConfig) -> BacktestConfig:
    """The configuration with the fields of it that a set varies."""
    changes = split(one)[1]
    return config.with_values(changes) if changes else config


def measured(result: BacktestResult | None, begin: int) -> dict[str, float]:
    """Metrics from a time on, before which nothing was traded; those of nothing without a result."""
    if result is None:
        return dict.fromkeys(METRIC_NAMES, float("nan")) | {"trades": 0.0}
    if result.first_ts >= begin:
        return result.metrics
    rows = between(result.equity, begin, result.last_ts + 1)
    curve = curve_of(
        times(rows["ts"]),
        floats(rows["equity"]),
        result.config.cash,
        floats(rows["exposure"]),
        result.curve.traded_notional,
    )
    return summary(curve, trade_arrays(result.history.account))


class StitchedAccount:
    """The account that goes through the test windows."""

    def __init__(self, cash: float) -> None:
        self._start = cash
        self._cash = cash
        self._rows: list[pl.DataFrame] = []
        self._arrays: list[TradeArrays] = [no_trades()]
        self._traded = 0.0
        self.trades: list[pl.DataFrame] = []

    def trade(
        self,
        prepared: PreparedBars | None,
        part: Window,
        chosen: ParameterSet | None,
        make: Callable[[Mapping[str, Any]], pl.DataFrame],
        config: BacktestConfig,
    ) -> dict[str, float]:
        """Trade a test window with what is left of the account; metrics of the window."""
        if prepared is None:
            return measured(None, 0)
        if self._cash <= 0.0:
            self._rows.append(_flat(prepared, part, self._cash))
            return measured(None, 0)
        signals = make(split(chosen)[0]) if chosen is not None else _no_signals()
        changed = config_of(chosen or {}, config).with_values({"cash": self._cash})
        result = prepared.backtest(between(signals, part.test_begin, part.test_end), changed)
        rows = between(result.equity, part.test_begin, part.test_end)
        self._rows.append(rows)
        self._arrays.append(trade_arrays(result.history.account))
        self._traded += result.curve.traded_notional
        self.trades.append(result.trades)
        self._cash = float(rows["equity"][-1])
        return measured(result, part.test_begin)

    def equity(self) -> pl.DataFrame:
        """All windows behind each other, the drawdown from the highest of all of them."""
        rows = pl.concat([EQUITY_SCHEMA.to_frame(), *self._rows])
        highest = pl.max_horizontal(pl.col("equity").cum_max(), pl.lit(self._start))
        return rows.with_columns(((highest - pl.col("equity")) / highest).alias("drawdown"))

    def curve(self) -> Curve:
        """The curve of it all."""
        rows = self.equity()
        return curve_of(times(rows["ts"]), floats(rows["equity"]), self._start, floats(rows["exposure"]), self._traded)

    def arrays(self) -> TradeArrays:
        """All trades."""
        return TradeArrays._make(np.concatenate(columns) for columns in zip(*self._arrays, strict=True))


def _flat(prepared: PreparedBars, part: Window, cash: float) -> pl.DataFrame:
    """Equity rows of an account that does nothing."""
    ts = np.unique(prepared.series.bars.ts)
    values = {"cash": cash, "position_value": 0.0, "equity": cash, "exposure": 0.0, "drawdown": 0.0}
    rows = pl.DataFrame([time_series("ts", ts[ts >= part.test_begin])])
    return rows.with_columns(pl.lit(value).alias(name) for name, value in values.items())


def _no_signals() -> pl.DataFrame:
    return pl.DataFrame(schema={"ts": EQUITY_SCHEMA["ts"], "direction": pl.Int8})
