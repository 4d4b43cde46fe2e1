"""Frames of what the loop logged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.backtest.account import (
    FUNDING_PAID,
    LOG_CASH,
    LOG_FEE,
    LOG_MAKER,
    LOG_MARKET,
    LOG_PRICE,
    LOG_QUANTITY,
    LOG_REASON,
    LOG_SIDE,
    LOG_SIGNAL,
    LOG_SLIPPED,
    LOG_TRADE,
    LOG_TS,
    LOGGED,
    TRADE_BARS,
    TRADE_BEST,
    TRADE_DIRECTION,
    TRADE_ENTRY,
    TRADE_ENTRY_TS,
    TRADE_EQUITY,
    TRADE_EXIT,
    TRADE_EXIT_TS,
    TRADE_FEES,
    TRADE_FUNDING,
    TRADE_GROSS,
    TRADE_MARKET,
    TRADE_QUANTITY,
    TRADE_REASON,
    TRADE_SIGNAL,
    TRADE_SLIPPED,
    TRADE_STOP,
    TRADE_WORST,
    TRADES,
    Account,
)
from engines.backtest.marking import OUT_CASH, OUT_DRAWDOWN, OUT_EQUITY, OUT_EXPOSURE, OUT_VALUE
from engines.backtest.metrics.inputs import TradeArrays
from engines.backtest.rows import EQUITY_SCHEMA, FILL_SCHEMA, REASONS, TRADE_SCHEMA
from engines.bars import TS_DTYPE, FloatArray, TimeArray
from engines.signals.rows import time_series

_IDENTITY = pl.Schema({"ts": TS_DTYPE, "signal_id": pl.String, "strategy": pl.String})


def identities(signals: pl.DataFrame) -> pl.DataFrame:
    """Time, id and strategy of signals; null where they have none."""
    columns = [
        signals[name].cast(dtype) if name in signals.columns else pl.Series(name, [None] * signals.height, dtype)
        for name, dtype in _IDENTITY.items()
    ]
    return pl.DataFrame(columns)


def fill_frame(account: Account, known: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Fills in order; ``known`` are the identities of all signals by their number."""
    count = account.counters[LOGGED]
    numbers, values = account.log_numbers[:count], account.log[:count]
    chosen = numbers[:, LOG_REASON] != FUNDING_PAID
    numbers, values = numbers[chosen], values[chosen]
    return pl.DataFrame(
        [
            time_series("ts", numbers[:, LOG_TS].copy()),
            _texts("market", names, numbers[:, LOG_MARKET]),
            known["signal_id"].gather(numbers[:, LOG_SIGNAL]),
            pl.Series("trade", numbers[:, LOG_TRADE]),
            pl.Series("side", numbers[:, LOG_SIDE].astype(np.int8)),
            pl.Series("price", values[:, LOG_PRICE]),
            pl.Series("quantity", values[:, LOG_QUANTITY]),
            pl.Series("fee", values[:, LOG_FEE]),
            pl.Series("slippage_cost", values[:, LOG_SLIPPED]),
            pl.Series("maker", numbers[:, LOG_MAKER] != 0),
            _texts("reason", REASONS, numbers[:, LOG_REASON]),
            pl.Series("cash", values[:, LOG_CASH]),
        ],
        schema=FILL_SCHEMA,
    )


def funding_frame(account: Account, names: Sequence[str]) -> pl.DataFrame:
    """Fundings paid (received: negative), in order: ``ts``, ``market``, ``trade``, ``price``, ``quantity``, ``paid``, ``cash``."""
    count = account.counters[LOGGED]
    numbers, values = account.log_numbers[:count], account.log[:count]
    chosen = numbers[:, LOG_REASON] == FUNDING_PAID
    numbers, values = numbers[chosen], values[chosen]
    return pl.DataFrame(
        [
            time_series("ts", numbers[:, LOG_TS].copy()),
            _texts("market", names, numbers[:, LOG_MARKET]),
            pl.Series("trade", numbers[:, LOG_TRADE]),
            pl.Series("price", values[:, LOG_PRICE]),
            pl.Series("quantity", values[:, LOG_QUANTITY]),
            pl.Series("paid", values[:, LOG_FEE]),
            pl.Series("cash", values[:, LOG_CASH]),
        ]
    )


def trade_frame(account: Account, known: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Closed positions in the order in which they were closed."""
    count = account.counters[TRADES]
    numbers, values = account.trade_numbers[:count], account.trades[:count]
    arrays = trade_arrays(account)
    signal = numbers[:, TRADE_SIGNAL]
    return pl.DataFrame(
        [
            _texts("market", names, numbers[:, TRADE_MARKET]),
            known["signal_id"].gather(signal),
            known["strategy"].gather(signal),
            pl.Series("direction", arrays.direction),
            known["ts"].gather(signal).alias("signal_ts"),
            time_series("entry_ts", numbers[:, TRADE_ENTRY_TS].copy()),
            time_series("exit_ts", arrays.exit_ts),
            pl.Series("entry_price", arrays.entry_price),
            pl.Series("exit_price", values[:, TRADE_EXIT]),
            pl.Series("stop", values[:, TRADE_STOP], nan_to_null=True),
            pl.Series("quantity", arrays.quantity),
            pl.Series("entry_notional", arrays.entry_price * arrays.quantity),
            pl.Series("fees", arrays.fees),
            pl.Series("slippage_cost", arrays.slippage_cost),
            pl.Series("funding", arrays.funding),
            pl.Series("pnl_gross", arrays.pnl_gross),
            pl.Series("pnl", arrays.pnl),
            pl.Series("equity_at_entry", values[:, TRADE_EQUITY]),
            pl.Series("return_on_equity", arrays.return_on_equity),
            pl.Series("r_multiple", arrays.r_multiple, nan_to_null=True),
            pl.Series("mae", arrays.mae),
            pl.Series("mfe", arrays.mfe),
            pl.Series("bars_held", arrays.bars_held),
            _texts("exit_reason", REASONS, numbers[:, TRADE_REASON]),
        ],
        schema=TRADE_SCHEMA,
    )


def trade_arrays(account: Account) -> TradeArrays:
    """Closed positions as arrays, for the metrics."""
    count = account.counters[TRADES]
    numbers, values = account.trade_numbers[:count], account.trades[:count]
    entry, quantity = values[:, TRADE_ENTRY].copy(), values[:, TRADE_QUANTITY].copy()
    gross, fees, funding = values[:, TRADE_GROSS].copy(), values[:, TRADE_FEES].copy(), values[:, TRADE_FUNDING].copy()
    direction = numbers[:, TRADE_DIRECTION].astype(np.int8)
    pnl = gross - fees - funding
    equity = values[:, TRADE_EQUITY]
    with np.errstate(divide="ignore", invalid="ignore"):
        risk = np.abs(entry - values[:, TRADE_STOP]) * quantity
        return TradeArrays(
            pnl=pnl,
            pnl_gross=gross,
            return_on_equity=np.where(equity > 0.0, pnl / equity, np.nan),
            r_multiple=np.where(risk > 0.0, pnl / risk, np.nan),
            fees=fees,
            slippage_cost=values[:, TRADE_SLIPPED].copy(),
            funding=funding,
            mae=np.minimum((values[:, TRADE_WORST] - entry) * direction, 0.0),
            mfe=np.maximum((values[:, TRADE_BEST] - entry) * direction, 0.0),
            entry_price=entry,
            quantity=quantity,
            direction=direction,
            bars_held=numbers[:, TRADE_BARS].copy(),
            exit_ts=numbers[:, TRADE_EXIT_TS].copy(),
        )


def equity_frame(ts: TimeArray, out: FloatArray) -> pl.DataFrame:
    """Equity curve from what `engines.backtest.marking.mark` wrote."""
    places = {
        "cash": OUT_CASH,
        "position_value": OUT_VALUE,
        "equity": OUT_EQUITY,
        "exposure": OUT_EXPOSURE,
        "drawdown": OUT_DRAWDOWN,
    }
    columns = [pl.Series(name, out[place]) for name, place in places.items()]
    return pl.DataFrame([time_series("ts", ts), *columns], schema=EQUITY_SCHEMA)


def _texts(name: str, values: Sequence[str], numbers: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(name, [str(value) for value in values], pl.String).gather(numbers)
