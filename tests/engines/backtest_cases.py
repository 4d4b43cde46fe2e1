"""Small random markets, signals and configurations, and the two backtests side by side on them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import polars as pl
from hypothesis import strategies as st

from engines.backtest.config import BacktestConfig, EntryOrder, Opposite, Sizing
from engines.backtest.result import BacktestResult
from engines.backtest.rows import FUNDING_SCHEMA
from engines.backtest.simulate import backtest
from engines.bars import BAR_SCHEMA
from tests.engines.reference.backtest import Outcome, simulate

HOUR = 3_600_000
QUARTER = HOUR // 4
START = 1_704_067_200_000
"""2024-01-01, midnight."""
TICK = 0.5
CENT = Decimal("0.005")
PRICE_COLUMNS = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Case:
    """What a backtest is given. The frames have a column of markets."""

    bars: pl.DataFrame
    signals: pl.DataFrame
    config: BacktestConfig
    funding: pl.DataFrame | None
    mark: pl.DataFrame | None
    finer: pl.DataFrame | None

    def compiled(self) -> BacktestResult:
        return backtest(
            self.bars,
            self.signals,
            self.config,
            funding=self.funding,
            mark=self.mark,
            finer=self.finer,
            timeframe="1h",
        )

    def plain(self) -> Outcome:
        with localcontext(prec=60):
            return self._plain()

    def _plain(self) -> Outcome:
        return simulate(
            self.bars,
            self.signals,
            self.config,
            step=HOUR,
            funding=self.funding,
            mark=self.mark,
            finer=self.finer,
            finer_step=0 if self.finer is None else QUARTER,
        )


def frame(rows: list[dict[str, Any]], schema: dict[str, Any] | pl.Schema) -> pl.DataFrame:
    """A frame of rows with a market, in a schema."""
    return pl.DataFrame(rows, schema={"market": pl.String, **schema})


@st.composite
def walks(draw: st.DrawFn, count: int, step: int, start: int) -> list[dict[str, Any]]:
    """Bars on a grid of ticks that gap and reach to both sides."""
    rows: list[dict[str, Any]] = []
    last = start
    for k in range(count):
        open_ = max(20, last + draw(st.sampled_from((0, 0, 0, 0, 1, -1, 5, -5, 14, -14))))
        close = max(20, open_ + draw(st.integers(-6, 6)))
        high = max(open_, close) + draw(st.integers(0, 5))
        low = max(10, min(open_, close) - draw(st.integers(0, 5)))
        volume = draw(st.sampled_from((0.0, 3.0, 8.0, 20.0, 400.0)))
        values = dict(zip(PRICE_COLUMNS, (one * TICK for one in (open_, high, low, close)), strict=True))
        rows.append({"ts": START + k * step, **values, "volume": volume})
        last = close
    return rows


def coarser(rows: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    """Each ``size`` bars as one."""
    made: list[dict[str, Any]] = []
    for k in range(0, len(rows), size):
        part = rows[k : k + size]
        made.append(
            {
                "ts": part[0]["ts"],
                "open": part[0]["open"],
                "high": max(row["high"] for row in part),
                "low": min(row["low"] for row in part),
                "close": part[-1]["close"],
                "volume": sum(row["volume"] for row in part),
            }
        )
    return made


@st.composite
def signal_rows(draw: st.DrawFn, market: str, bars: list[dict[str, Any]], config: BacktestConfig) -> list[Any]:
    """Signals at some of the closes, sometimes two at one."""
    rows: list[dict[str, Any]] = []
    for bar in bars:
        for _ in range(draw(st.sampled_from((0, 0, 1, 1, 1, 2)))):
            direction = draw(st.sampled_from((1, 1, -1, -1, 0)))
            row: dict[str, Any] = {"market": market, "ts": bar["ts"], "direction": direction}
            rows.append(row)
            if direction == 0:
                continue
            offset = draw(st.integers(-5, 5)) if config.entry is not EntryOrder.MARKET else 0
            entry = bar["close"] + offset * TICK
            has_stop = config.sizing is Sizing.RISK_FRACTION or draw(st.booleans())
            nearest = draw(st.integers(1, 8)) * TICK
            row["stop"] = max(1.0, entry - direction * draw(st.integers(1, 10)) * TICK) if has_stop else None
            row["entry"] = entry if config.entry is not EntryOrder.MARKET or draw(st.booleans()) else None
            row["target_1"] = entry + direction * nearest if draw(st.booleans()) else None
            if row["target_1"] is not None and draw(st.booleans()):
                row["target_2"] = row["target_1"] + direction * draw(st.integers(1, 6)) * TICK
            row["quantity"] = draw(st.sampled_from((0.25, 3.0, 11.0)))
    return rows


SIZES = {
    Sizing.RISK_FRACTION: (0.01, 0.2),
    Sizing.EQUITY_FRACTION: (0.3, 1.0, 4.0),
    Sizing.FIXED_NOTIONAL: (20.0, 700.0),
    Sizing.FIXED_QUANTITY: (0.3, 7.0),
    Sizing.FROM_SIGNAL: (1.0, 1.5),
}


@st.composite
def configs(draw: st.DrawFn) -> BacktestConfig:
    """Every feature on or off."""
    sizing = draw(st.sampled_from(list(Sizing)))
    changes: dict[str, Any] = {
        "cash": draw(st.sampled_from((300.0, 1_000.0))),
        "sizing": sizing,
        "size": draw(st.sampled_from(SIZES[sizing])),
        "entry": draw(st.sampled_from(list(EntryOrder))),
        "valid_bars": draw(st.sampled_from((1, 2, 5))),
        "target_fractions": draw(st.sampled_from(((0.5, 0.5), (0.25, 0.5), (1.0, 0.0), (0.0, 1.0), (0.3, 0.3)))),
        "break_even": draw(st.booleans()),
        "time_stop_bars": draw(st.sampled_from((0, 0, 1, 3))),
        "opposite": draw(st.sampled_from(list(Opposite))),
        "fees.maker_bp": draw(st.sampled_from((2.0, 0.0, -1.0))),
        "fees.taker_bp": draw(st.sampled_from((5.0, 0.0))),
        "slippage.bp": draw(st.sampled_from((0.0, 1.0, 30.0))),
        "slippage.impact_bp": draw(st.sampled_from((0.0, 0.0, 100.0))),
        "limit_beyond_bp": draw(st.sampled_from((0.0, 3.0))),
        "max_participation": draw(st.sampled_from((0.0, 0.0, 0.25, 0.5))),
        "quantity_step": draw(st.sampled_from((0.0, 0.25, 1.0))),
        "min_notional": draw(st.sampled_from((0.0, 37.3))),
        "leverage": draw(st.sampled_from((1.0, 3.0, 10.0))),
        "maintenance_margin": draw(st.sampled_from((0.0051, 0.0137))),
        "max_positions": draw(st.sampled_from((0, 1, 2))),
    }
    if draw(st.booleans()):
        changes["trailing.kind"] = draw(st.sampled_from(("atr", "percent")))
        changes["trailing.distance"] = draw(st.sampled_from((0.77, 1.37)))
        changes["trailing.activation_r"] = draw(st.sampled_from((0.0, 0.7)))
        changes["trailing.atr_period"] = draw(st.sampled_from((1, 2, 4)))
    return BacktestConfig().with_values(changes)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One to three markets with gaps, and any of funding, mark and finer bars."""
    config = draw(configs())
    count = draw(st.integers(2, 12))
    size = 4 if draw(st.booleans()) else 1
    bars: list[Any] = []
    finer: list[Any] = []
    mark: list[Any] = []
    funding: list[Any] = []
    signals: list[Any] = []
    has_mark, has_funding = draw(st.booleans()), draw(st.booleans())
    for market in "ABC"[: draw(st.sampled_from((1, 1, 2, 3)))]:
        pieces = draw(walks(count * size, HOUR // size, 200))
        mine = coarser(pieces, size)
        left_out = {bar["ts"] for bar in mine[1:] if draw(st.integers(0, 9)) == 0}
        mine = [bar for bar in mine if bar["ts"] not in left_out]
        bars += [{"market": market, **bar} for bar in mine]
        signals += draw(signal_rows(market, mine, config))
        walked = [bar for bar in pieces if bar["ts"] // HOUR * HOUR not in left_out]
        if size > 1 and not has_mark:
            # The first two tell how long finer bars are.
            walked = walked[:2] + [bar for bar in walked[2:] if draw(st.integers(0, 19)) > 0]
        finer += [{"market": market, **bar} for bar in walked]
        for bar in walked:
            shift = draw(st.sampled_from((0.0, 0.0, 0.0, -3.0, 3.0)))
            mark.append({"market": market, "ts": bar["ts"], **{name: bar[name] + shift for name in PRICE_COLUMNS}})
        for ts in range(START, START + count * HOUR, draw(st.sampled_from((HOUR // 2, 2 * HOUR)))):
            rate = draw(st.sampled_from((0.0001, -0.0003, 0.02)))
            funding.append({"market": market, "ts": ts, "funding_rate": rate})
    signals.sort(key=lambda row: row["ts"])
    given = pl.Schema({**BAR_SCHEMA})
    return Case(
        frame(bars, given),
        frame(signals, SIGNALS),
        config,
        frame(funding, FUNDING_SCHEMA) if has_funding else None,
        frame(mark, {name: given[name] for name in ("ts", *PRICE_COLUMNS)}) if has_mark else None,
        frame(finer, given) if size > 1 else None,
    )


SIGNALS = {
    "ts": BAR_SCHEMA["ts"],
    "direction": pl.Int8,
    "entry": pl.Float64,
    "stop": pl.Float64,
    "target_1": pl.Float64,
    "target_2": pl.Float64,
    "quantity": pl.Float64,
}


def close(value: float, judge: Decimal, relative: Decimal = Decimal("1e-9")) -> bool:
    return abs(Decimal(value) - judge) <= relative * max(abs(judge), Decimal(1))


def compare(case: Case) -> None:
    """Asserts that both say the same."""
    compiled, plain = case.compiled(), case.plain()
    compare_results(compiled, plain)


def compare_results(compiled: BacktestResult, plain: Outcome) -> None:
    fills = compiled.fills.with_columns(pl.col("ts").to_physical()).to_dicts()
    told = [(row["ts"], row["market"], row["side"], row["reason"], row["maker"]) for row in fills]
    judged = [(fill.ts, fill.market, fill.side, fill.reason.value, fill.maker) for fill in plain.fills]
    assert told == judged
    for row, fill in zip(fills, plain.fills, strict=True):
        assert close(row["price"], fill.price), (row, fill)
        assert close(row["quantity"], fill.quantity), (row, fill)
        assert abs(Decimal(row["fee"]) - fill.fee) < CENT, (row, fill)
        assert abs(Decimal(row["cash"]) - fill.cash) < CENT, (row, fill)
    assert compiled.signals["fate"].to_list() == [fate.value for fate in plain.fates]
    equity = compiled.equity.with_columns(pl.col("ts").to_physical()).to_dicts()
    assert [row["ts"] for row in equity] == [ts for ts, _, _ in plain.equity]
    for row, (_, cash, value) in zip(equity, plain.equity, strict=True):
        assert abs(Decimal(row["cash"]) - cash) < CENT, (row, cash, value)
        assert abs(Decimal(row["equity"]) - value) < CENT, (row, cash, value)
    trades = compiled.trades.to_dicts()
    assert [(row["market"], row["direction"], row["exit_reason"]) for row in trades] == [
        (trade.market, trade.direction, trade.reason.value) for trade in plain.trades
    ]
    for row, trade in zip(trades, plain.trades, strict=True):
        for name in ("entry_price", "exit_price", "quantity"):
            assert close(row[name], getattr(trade, name)), (name, row, trade)
        for name in ("fees", "funding", "pnl"):
            assert abs(Decimal(row[name]) - getattr(trade, name)) < CENT, (name, row, trade)
