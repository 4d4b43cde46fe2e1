"""The simulated market: the same bars however they are asked for, and fit to be looked at."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import BAR_SCHEMA, bar_arrays, check_bars
from engines.ingestion.simulation import START, SimulatedCandles
from engines.ingestion.source import Series, content_hash
from engines.ingestion.vocabulary import NoSeries
from engines.timeframe import Timeframe

MINUTE = 60_000
DAY = 1_440 * MINUTE
NOW = START + 1_900 * DAY + 12_345_678
BTC = Series("binance", "BTCUSDT", Timeframe.M1)


@pytest.fixture(scope="module")
def market() -> SimulatedCandles:
    return SimulatedCandles(lambda: NOW)


@pytest.fixture(scope="module")
def year(market: SimulatedCandles) -> pl.DataFrame:
    return market.bars("BTCUSDT", START + 1_461 * DAY, START + 1_826 * DAY)


def test_bars_are_in_normal_form_and_without_gaps(year: pl.DataFrame) -> None:
    assert year.schema == BAR_SCHEMA
    assert year.height == 365 * 1_440
    check_bars(bar_arrays(year), Timeframe.M1)
    assert (year["close"].shift(1).drop_nulls() == year["open"][1:]).all()


def test_the_bars_of_the_usual_seed_do_not_change(market: SimulatedCandles) -> None:
    """Pinned: another hash is another market, and every stored simulated candle would be restated."""
    bars = market.bars("BTCUSDT", START + 700 * DAY, START + 703 * DAY)
    assert content_hash(bars) == "078ebf1ec74aeccb8ee697906f063fad4c1fe17e49814a945c24db1bc57b78c0"


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 4 * 1_440), min_size=2, max_size=6))
def test_any_window_has_the_same_bars(market: SimulatedCandles, cuts: list[int]) -> None:
    first = START + 900 * DAY
    whole = market.bars("ETHUSDT", first, first + 4 * DAY)
    edges = [first, *(first + cut * MINUTE for cut in sorted(cuts)), first + 4 * DAY]
    parts = [market.bars("ETHUSDT", a, b) for a, b in itertools.pairwise(edges)]
    assert pl.concat(parts).equals(whole)


def test_reading_is_by_month_and_labelled_simulated(market: SimulatedCandles) -> None:
    since, until = START + 20 * DAY, START + 80 * DAY
    batches = list(market.read(BTC, Timeframe.M1, since, until))
    assert pl.concat([batch.bars for batch in batches]).equals(market.bars("BTCUSDT", since, until))
    assert [batch.bars["ts"].dt.month().unique().to_list() for batch in batches] == [[1], [2], [3]]
    for batch in batches:
        assert (batch.report.exchange, batch.report.symbol, batch.report.source.value) == ("sim", "BTCUSDT", "sim")
        assert batch.report.origin.startswith("simulated market, seed ")
    assert market.stored_exchange(BTC) == "sim"


def test_no_bar_is_from_the_future_or_still_open(market: SimulatedCandles) -> None:
    bars = pl.concat([b.bars for b in market.read(BTC, Timeframe.M1, NOW - DAY, NOW + 30 * DAY)])
    last = int(bars["ts"].to_physical()[-1])
    assert last + MINUTE <= NOW < last + 2 * MINUTE
    assert list(market.read(BTC, Timeframe.M1, NOW + DAY)) == []
    assert list(SimulatedCandles(lambda: START - DAY).read(BTC, Timeframe.M1)) == []


def test_there_is_nothing_before_the_first_day(market: SimulatedCandles) -> None:
    first = next(iter(market.read(BTC, Timeframe.M1, 0)))
    assert first.report.ts == START


def test_symbols_and_seeds_differ_but_symbols_of_a_seed_move_together(
    market: SimulatedCandles, year: pl.DataFrame
) -> None:
    start, end = START + 1_461 * DAY, START + 1_826 * DAY
    returns = {
        "BTC": np.diff(np.log(year["close"].to_numpy())),
        "ETH": np.diff(np.log(market.bars("ETHUSDT", start, end)["close"].to_numpy())),
        "seed": np.diff(np.log(SimulatedCandles(lambda: NOW, seed=1).bars("BTCUSDT", start, end)["close"].to_numpy())),
    }
    assert 0.4 < np.corrcoef(returns["BTC"], returns["ETH"])[0, 1] < 0.8
    assert abs(np.corrcoef(returns["BTC"], returns["seed"])[0, 1]) < 0.05


def test_it_behaves_like_a_market(year: pl.DataFrame) -> None:
    returns = np.diff(np.log(year["close"].to_numpy()))
    kurtosis = np.mean((returns - returns.mean()) ** 4) / np.var(returns) ** 2
    size = np.abs(returns)
    assert kurtosis > 6, "fat tails"
    assert np.corrcoef(size[:-60], size[60:])[0, 1] > 0.1, "volatility comes in clusters"
    assert abs(np.corrcoef(returns[:-1], returns[1:])[0, 1]) < 0.05, "no cheap prediction"
    assert 3e-4 < returns.std() < 2e-3
    by_hour = year.group_by(pl.col("ts").dt.hour()).agg(pl.col("volume").mean()).sort("ts")["volume"]
    assert by_hour[14] > 1.3 * by_hour[4], "volume follows the day"
    daily = year.group_by_dynamic("ts", every="1d").agg(pl.col("close").last())["close"]
    assert daily.max() > 1.3 * daily.min()
    cents = year["close"] * 100
    assert ((cents - cents.round()).abs() < 1e-6).all(), "prices stand on ticks"


def test_it_goes_up_down_and_sideways(market: SimulatedCandles) -> None:
    bars = market.bars("BTCUSDT", START, START + 1_900 * DAY)
    months = bars.group_by_dynamic("ts", every="1mo").agg(change=pl.col("close").last() / pl.col("open").first() - 1)
    assert (months["change"] > 0.10).sum() >= 8
    assert (months["change"] < -0.10).sum() >= 8
    assert (months["change"].abs() < 0.05).sum() >= 8
    assert bars["low"].min() > 1_000
    assert bars["high"].max() < 500_000


@pytest.mark.parametrize("symbol", ["DOGEUSDT", "FOOUSDT", "XRPUSDT", "SOLUSDT"])
def test_small_prices_have_enough_digits(market: SimulatedCandles, symbol: str) -> None:
    bars = market.bars(symbol, START + 100 * DAY, START + 130 * DAY)
    check_bars(bar_arrays(bars), Timeframe.M1)
    assert bars["close"].n_unique() > 1_000


def test_only_minutes_are_made(market: SimulatedCandles) -> None:
    assert market.choose_base(BTC, [Timeframe.M15, Timeframe.W1]) is Timeframe.M1
    with pytest.raises(NoSeries):
        list(market.read(BTC, Timeframe.H1))


def test_the_hash_of_a_batch_is_that_of_its_bytes(market: SimulatedCandles) -> None:
    bars = market.bars("BTCUSDT", START, START + DAY)
    digest = hashlib.sha256(b"".join(bars[name].to_physical().to_numpy().tobytes() for name in bars.columns))
    assert content_hash(bars) == digest.hexdigest()
