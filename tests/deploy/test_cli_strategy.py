"""``cap strategy``: a file to begin with passes its check; a bad one fails it in words; wrong use is told apart."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cli import main as cli
from engines.signals import BUILT_IN
from engines.signals import strategy as register_module
from engines.signals.loading import load_strategies
from tests.engines import user_strategies as written
from tests.engines.market_bars import simulated_bars

FEW = ("--market", "sim:BTCUSDT", "--timeframe", "15m", "--since", "2024-01-01", "--until", "2024-01-25")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    for name in ("SOURCE", "MARKETS", "TIMEFRAMES", "SINCE", "UNTIL", "STRATEGIES"):
        monkeypatch.delenv(f"CAP_{name}", raising=False)
    monkeypatch.setenv("CAP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(register_module, "_REGISTER", dict(register_module._REGISTER))
    place = tmp_path / "strategies"
    place.mkdir()
    monkeypatch.setenv("CAP_STRATEGIES", str(place))
    monkeypatch.chdir(tmp_path)
    yield place
    for file in place.glob("*.py"):
        file.unlink()
    load_strategies(place)


def cap(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["strategy", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_new_file_passes_its_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cap("new", "my_first") == 0
    said = capsys.readouterr().out
    assert f"{folder / 'my_first.py'} is written" in said
    assert cap("check", "my_first.py", *FEW) == 0
    said = capsys.readouterr().out
    assert "my_first on sim:BTCUSDT (sim) 15m: passed" in said
    assert " 0 signals" not in said
    assert cap("list") == 0
    said = capsys.readouterr().out
    for name in (*BUILT_IN, "my_first"):
        assert name in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("new", "No Name"), "cannot be the name of a strategy"),
        (("new", "smc_pullback"), "the name of a built-in strategy"),
        (("new", "there"), "is there already"),
        (("check", "nowhere.py"), "there is no file nowhere.py; 'cap strategy new NAME' writes one"),
        (("check", "strategies/there.py", "--timeframe", "1w"), "no strategy runs on 1w"),
        (("check", "strategies/there.py", "--source", "exchange"), "needs a market"),
        (("list", "--strategies", "nowhere"), "does not exist"),
    ],
)
def test_wrong_use(folder: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "there.py").write_text(written.CROSS)
    assert cap(*arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert (folder / "there.py").read_text() == written.CROSS


def test_the_bar_that_leaks_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "peeks.py"
    file.write_text(written.PEEKS)
    assert cap("check", str(file), *FEW) == 1
    out, err = capsys.readouterr()
    assert "FAILED" in out
    assert "reads ahead: at the bar of 2024-01-01 00:00 it reads view.bars.close[1], where 0 is the last known" in out
    assert "did not pass the replay test: tried_out" in err


def test_a_file_that_cannot_be_loaded_is_told_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "syntax.py"
    file.write_text("\ndef decide(:\n")
    assert cap("check", str(file)) == 1
    assert f"{file}, line 2: this is not Python" in capsys.readouterr().err
    (folder / "good.py").write_text(written.CROSS)
    assert cap("list") == 1
    out, err = capsys.readouterr()
    assert "averages_crossed" in out
    assert f"{file}, line 2" in err


def test_an_audit_of_a_file_that_is_not_there_or_cannot_be_used(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "syntax.py").write_text("\ndef decide(:\n")
    for arguments, code, message in (
        (("--strategy", "nowhere.py"), 2, "there is no file nowhere.py"),
        (("--strategy", "syntax.py"), 1, "syntax.py, line 2: this is not Python"),
        (("--strategy", "syntax.py", "--function", "a.py:b"), 2, "cannot be audited at once"),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main(["audit", *arguments])
        assert ended.value.code == code
        assert message in capsys.readouterr().err


def test_bars_of_a_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bars = simulated_bars(1_500, seed=4)
    place = tmp_path / "data" / "binance_BTCUSDT_15m_2024.csv"
    place.parent.mkdir()
    with place.open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(["timestamp", "open", "high", "low", "close", "volume"])
        for ts, *values in bars.select("ts", "open", "high", "low", "close", "volume").iter_rows():
            rows.writerow([int(ts.timestamp() * 1000), *values])
    (folder / "mine.py").write_text(written.CROSS)
    assert cap("check", "strategies/mine.py", "--source", f"files:{place.parent}", "--market", "binance:BTCUSDT", "--timeframe", "15m") == 0  # fmt: skip
    assert "passed (1,500 bars" in capsys.readouterr().out
