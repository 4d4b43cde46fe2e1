"""Choosing columns and periods: only those, the same bits, and what cannot be chosen is refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import bar_arrays
from engines.chain import Chain
from engines.errors import BadParameter, StateMismatch
from engines.indicators import IndicatorEngine, state
from tests.engines.market_bars import advance_in_pieces, assert_same_bits, chunkings, simulated_bars

NAMES = IndicatorEngine().columns
BARS = simulated_bars(900, seed=11)
WHOLE = IndicatorEngine().advance(BARS)


@pytest.mark.parametrize("name", NAMES)
def test_a_column_by_itself_is_the_same(name):
    engine = IndicatorEngine(columns=[name])
    assert engine.columns == (name,)
    assert_same_bits(engine.advance(BARS), WHOLE.select("ts", name))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_choice_in_any_pieces_is_the_same(data):
    chosen = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    engine = IndicatorEngine(columns=chosen)
    rows = advance_in_pieces(engine.advance, BARS, data.draw(chunkings(BARS.height)))
    assert_same_bits(rows, WHOLE.select("ts", *sorted(chosen, key=NAMES.index)))
    assert IndicatorEngine.restore(engine.snapshot()).columns == engine.columns


FAMILIES_OF_COLUMNS = [
    (("sma_20", "sma_200"), state.F_SIMPLE),
    (("ema_9",), state.F_TREND),
    (("macd_hist", "trix_15"), state.F_TREND),
    (("wma_20",), state.F_WMA),
    (("hma_20",), state.F_HULL),
    (("bb_percent_20",), state.F_BANDS),
    (("donchian_lower_20",), state.F_DONCHIAN),
    (("keltner_upper_20",), state.F_KELTNER | state.F_TREND | state.F_WILDER),
    (("supertrend_dir_10",), state.F_SUPERTREND | state.F_WILDER),
    (("psar",), state.F_PSAR),
    (("rsi_14", "atr_200"), state.F_WILDER),
    (("stoch_rsi_d_14",), state.F_STOCH_RSI | state.F_WILDER),
    (("stoch_k_14", "willr_14"), state.F_STOCH | state.F_WILLR),
    (("adx_14",), state.F_ADX | state.F_WILDER),
    (("natr_14",), state.F_NATR | state.F_WILDER),
    (("true_range",), 0),
    (("realized_vol_30",), state.F_VOLATILITY),
    (("cci_20", "kama_10"), state.F_CCI | state.F_KAMA),
    (("roc_10",), state.F_LAGS),
    (("ultosc", "aroon_up_25"), state.F_ULTOSC | state.F_AROON),
    (("vwap", "mfi_14", "obv"), state.F_FLOW),
    (("range_top",), state.F_RANGE),
]


@pytest.mark.parametrize(("names", "families"), FAMILIES_OF_COLUMNS)
def test_a_choice_needs_only_its_families(names, families):
    assert IndicatorEngine(columns=names).plan.families == families


def test_what_is_not_chosen_is_not_computed():
    engine = IndicatorEngine(columns=["psar", "stoch_k_14"])
    engine.advance(BARS)
    before, after = state.first_state(engine.plan.periods), engine._state
    own = {state.W_STOCH_HIGH, state.W_STOCH_LOW, state.W_STOCH_K, state.W_STOCH_D}
    begins = engine.plan.begins
    touched = {
        which
        for which in range(state.WINDOW_COUNT)
        if (before.windows != after.windows)[begins[which] : begins[which + 1]].any()
    }
    assert touched == own
    changed = set(np.flatnonzero(before.numbers.view(np.int64) != after.numbers.view(np.int64)).tolist())
    allowed = {
        *range(state.LAST, state.TREND),
        *range(state.STOCH, state.WILLR),
        *range(state.PSAR, state.SUPERTREND),
    }
    assert changed <= allowed
    assert changed & set(range(state.PSAR, state.SUPERTREND))


def test_an_array_for_a_choice_has_a_row_a_column():
    engine = IndicatorEngine(columns=("psar", "ema_9"))
    assert engine.columns == ("ema_9", "psar")
    arrays = bar_arrays(BARS)
    out = engine.empty_rows(BARS.height)
    assert out.shape == (2, BARS.height)
    engine.advance_arrays(*arrays, out)
    np.testing.assert_array_equal(out[0], WHOLE["ema_9"].fill_null(np.nan).to_numpy())
    with pytest.raises(BadParameter, match="out must be"):
        IndicatorEngine(columns=("psar", "ema_9")).advance_arrays(*arrays, np.empty((60, BARS.height)))


def test_a_snapshot_knows_its_choice():
    data = IndicatorEngine(columns=["rsi_14"]).snapshot()
    assert IndicatorEngine.restore(data, columns=["rsi_14"]).columns == ("rsi_14",)
    with pytest.raises(StateMismatch, match="columns"):
        IndicatorEngine.restore(data, columns=["psar"])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["rsi14"], "there is no indicator column 'rsi14'; did you mean rsi_14"),
        (["ema_10"], "did you mean"),
        (["zzzz"], "`cap indicators` lists them"),
        (["psar", ""], "there is no indicator column ''"),
        ([], "at least one column"),
        ("psar", "sequence of names"),
    ],
)
def test_columns_that_do_not_exist_are_refused(columns, words):
    with pytest.raises(BadParameter, match=words):
        IndicatorEngine(columns=columns)


def test_names_follow_the_periods():
    assert IndicatorEngine(rsi_period=7, columns=["rsi_7"]).columns == ("rsi_7",)
    with pytest.raises(BadParameter, match="rsi_7"):
        IndicatorEngine(rsi_period=7, columns=["rsi_14"])


def test_a_chain_needs_all_columns():
    with pytest.raises(BadParameter, match="all indicators"):
        Chain(indicators={"columns": ["rsi_14"]})


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"ema_periods": (9, 21, 50)}, "ema_periods must be 4 different"),
        ({"ema_periods": (9, 9, 21, 50)}, "ema_periods"),
        ({"ema_periods": (1, 9, 21, 50)}, "ema_periods"),
        ({"sma_periods": (20, 50, 200.0)}, "sma_periods"),
        ({"atr_periods": (14,)}, "atr_periods"),
        ({"atr_periods": "ab"}, "atr_periods"),
        ({"ultosc_periods": 7}, "ultosc_periods"),
        ({"rsi_period": 1}, "rsi_period"),
        ({"rsi_period": True}, "rsi_period"),
        ({"macd_fast": 26, "macd_slow": 26}, "macd_slow"),
        ({"macd_signal": 0}, "macd_signal"),
        ({"ppo_fast": 30}, "ppo_slow"),
        ({"adosc_slow": 3}, "adosc_slow"),
        ({"bb_period": "20"}, "bb_period"),
        ({"bb_deviations": 0.0}, "bb_deviations"),
        ({"bb_deviations": float("nan")}, "bb_deviations"),
        ({"psar_step": -1}, "psar_step"),
        ({"hma_period": 3}, "hma_period"),
        ({"swing_scale": 0}, "swing_scale"),
        ({"wma_period": 100_001}, "wma_period must be a whole number from 2 to 100000"),
        ({"rsi": 14}, "there is no parameter 'rsi'.*did you mean rsi_period"),
    ],
)
def test_senseless_parameters_are_refused(parameters, words):
    with pytest.raises(BadParameter, match=words):
        IndicatorEngine(**parameters)
