"""The catalogue says what the engine does: names, order, leading nulls; and the page in docs is the catalogue."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.errors import WrongUse
from deploy.cli.main import app
from engines.indicators import IndicatorEngine
from engines.indicators import columns as at
from engines.indicators.catalogue import Unit, catalogue, markdown
from engines.indicators.periods import Periods
from engines.signals import view
from tests.engines.market_bars import Awkward, simulated_bars
from tests.engines.test_indicators_talib import OTHERS

ROOT = Path(__file__).resolve().parents[2]
PLAIN = Awkward(gap=0.0, quiet=0.0, still=0.0)
# A day has no VWAP before its first trade, a range none before its first swing: their lookback is the least.
AT_LEAST = ("range_top", "range_bottom", "range_position")


@pytest.mark.parametrize("periods", [{}, OTHERS], ids=["defaults", "others"])
def test_lookbacks_are_exact(periods):
    bars = simulated_bars(2_000, seed=3, awkward=PLAIN)
    rows = IndicatorEngine(**periods).advance(bars)
    columns = catalogue(Periods.of(periods))
    assert [column.name for column in columns] == rows.columns[1:]
    for column in columns:
        values = rows[column.name]
        nulls = int(values.is_not_null().arg_max() or 0)
        if column.name in AT_LEAST:
            assert nulls >= column.lookback, column
        else:
            assert nulls == column.lookback, column
        if not column.later_nulls:
            assert values.null_count() == column.lookback, column


def test_every_column_is_described():
    columns = catalogue()
    assert len({column.name for column in columns}) == len(columns) == at.COLUMN_COUNT
    assert all(column.formula and column.source and isinstance(column.unit, Unit) for column in columns)
    assert len({(column.name, column.formula) for column in columns}) == len(columns)


def test_names_of_rows_for_strategies_are_those_of_the_columns():
    names = IndicatorEngine().columns
    known = {name: value for name, value in vars(view).items() if isinstance(value, int) and name.lower() in names}
    assert {name.lower(): value for name, value in known.items()} == {name: k for k, name in enumerate(names)}
    assert len(names) == view.INDICATOR_COUNT


def test_the_page_is_up_to_date():
    assert (ROOT / "docs" / "indicators.md").read_text() == markdown(), (
        "write it anew: python -m engines.indicators.catalogue > docs/indicators.md"
    )


def test_the_catalogue_needs_no_compiler():
    words = "import sys, engines.indicators.catalogue as c; c.markdown(); print({'numba', 'numpy', 'polars'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["rsi"], ["rsi_14", "stoch_rsi_k_14", "stoch_rsi_d_14"]),
        (["PSAR", "Lane"], ["psar", "stoch_k_14", "stoch_d_14"]),
        (["bb_", "--unit", "ratio"], ["bb_width_20", "bb_percent_20"]),
        (["--unit", "Direction"], ["supertrend_dir_10"]),
    ],
)
def test_the_command_filters(words, names):
    listed = json.loads(CliRunner().invoke(app, ["indicators", *words, "--json"]).output)
    assert [column["name"] for column in listed] == names


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["rsi_41"], "did you mean rsi_14"),
        (["stohc"], "did you mean stoch"),
        (["psar", "zzzz"], "'zzzz'.*`cap indicators` lists them all"),
        (["--unit", "euro"], "there is no unit 'euro'; there are 'price', 'percent'"),
        (["psar", "--unit", "ratio"], "no column with psar is counted in ratio"),
    ],
)
def test_the_command_says_what_there_is_instead(words, complaint):
    with pytest.raises(WrongUse, match=complaint):
        app(["indicators", *words], standalone_mode=False)


def test_the_command_prints_it():
    table = CliRunner().invoke(app, ["indicators"])
    assert table.exit_code == 0
    lines = table.output.splitlines()
    assert [line.split()[0] for line in lines] == ["column", *(column.name for column in catalogue())]
    listed = json.loads(CliRunner().invoke(app, ["indicators", "--json"]).output)
    assert listed[0] == {
        "name": "sma_20",
        "formula": "mean of the last 20 c",
        "source": "TA-Lib SMA",
        "lookback": 19,
        "unit": "price",
        "later_nulls": "",
    }
    assert len(listed) == at.COLUMN_COUNT
