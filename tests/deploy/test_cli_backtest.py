"""``cap backtest``: the verdict first, files whole, wrong use told in one line."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from deploy.cli import main as cli
from engines.backtest.rows import FILL_SCHEMA, TRADE_SCHEMA
from engines.signals import strategy as register_module

SIM = ("--source", "sim", "--market", "sim:BTCUSDT", "--timeframe", "15m", "--from", "2024-01-01", "--to", "2024-02-20")
PULLBACK = ("--strategy", "smc_pullback")


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SOURCE", "MARKETS", "TIMEFRAMES", "SINCE", "UNTIL", "STRATEGIES"):
        monkeypatch.delenv(f"CAP_{name}", raising=False)
    monkeypatch.setenv("CAP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(register_module, "_REGISTER", dict(register_module._REGISTER))
    monkeypatch.chdir(tmp_path)


def cap(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["backtest", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_verdict_comes_first_and_every_file_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, found, folder = tmp_path / "out.html", tmp_path / "out.json", tmp_path / "rows"
    assert cap(*PULLBACK, *SIM, "--report", str(page), "--json", str(found), "--parquet", str(folder)) == 0
    said = capsys.readouterr().out
    made = json.loads(found.read_text())
    sentence = made["verdict"]["sentence"]
    assert "in sample" in sentence
    assert said.index("SIMULATED MARKET") < said.index(sentence) < said.index("Total return")
    assert sentence in page.read_text()
    assert made["config"]["fees"]["taker_bp"] == 5.0
    assert made["metrics"]["trades"] > 5
    assert len(made["stress"]) > 3
    trades = pl.read_parquet(folder / "trades.parquet")
    assert trades.schema == TRADE_SCHEMA
    assert trades.height == made["metrics"]["trades"]
    assert pl.read_parquet(folder / "fills.parquet").schema == FILL_SCHEMA
    assert not list(tmp_path.glob("*.tmp*"))


def test_json_on_standard_output_is_nothing_but_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cap(*PULLBACK, *SIM, "--no-robustness", "--set", "size=0.02", "--set", "stop_atr=0.3", "--json", "-") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["config"]["size"] == 0.02
    assert made["parameters"]["stop_atr"] == 0.3
    assert "stress" not in made


def test_only_the_days_asked_for_are_traded_and_those_before_warm_up(real_data: Path, tmp_path: Path) -> None:
    files = ("--source", f"files:{real_data / 'candles'}", "--market", "binance:BTCUSDT", "--timeframe", "1h")
    rows = tmp_path / "rows"
    days = ("--from", "2024-03-01", "--to", "2024-05-31")
    assert cap(*PULLBACK, *files, *days, "--no-robustness", "--parquet", str(rows)) == 0
    equity = pl.read_parquet(rows / "equity.parquet")
    assert f"{equity['ts'][0]:%Y-%m-%d %H:%M}" == "2024-03-01 00:00"
    assert f"{equity['ts'][-1]:%Y-%m-%d %H:%M}" == "2024-05-31 23:00"
    assert pl.read_parquet(rows / "trades.parquet")["signal_ts"].min() >= equity["ts"][0]


def test_walk_forward_gives_the_verdict_out_of_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = ("--train", "20", "--test", "10", "--walk-forward")
    assert cap(*PULLBACK, *SIM, *days, "--vary", "stop_atr=0.1,0.4", "--json", "wf.json", "--no-robustness") == 0
    made = json.loads((tmp_path / "wf.json").read_text())
    assert made["verdict"]["out_of_sample"] is True
    assert "total_return" in made["out_of_sample"]
    assert "out of sample" in capsys.readouterr().out


def test_a_sweep_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "sweep.jsonl"
    varied = ("--vary", "stop_atr=0.1,0.4", "--vary", "trailing.distance=2,3")
    assert cap(*PULLBACK, *SIM, *varied, "--resume", str(kept), "--json", "one.json") == 0
    assert len(kept.read_text().splitlines()) == 4
    assert "4 parameter sets of smc_pullback, in sample" in capsys.readouterr().out
    assert cap(*PULLBACK, *SIM, *varied, "--resume", str(kept), "--json", "two.json") == 0
    assert len(kept.read_text().splitlines()) == 4
    one, two = (json.loads((tmp_path / name).read_text())["sets"] for name in ("one.json", "two.json"))
    assert [row["total_return"] for row in one] == [row["total_return"] for row in two]


def test_several_markets_share_an_account(tmp_path: Path) -> None:
    both = ("--source", "sim", "--market", "sim:BTCUSDT", "--market", "sim:ETHUSDT", "--timeframe", "15m")
    assert (
        cap(*PULLBACK, *both, "--to", "2024-02-20", "--from", "2024-01-01", "--json", "both.json", "--no-robustness")
        == 0
    )
    assert json.loads((tmp_path / "both.json").read_text())["markets"] == ["sim:BTCUSDT", "sim:ETHUSDT"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--strategy", "smc_pulback"), "there is no strategy named 'smc_pulback'"),
        ((*PULLBACK, "--timeframe", "1w"), "no strategy runs on 1w"),
        ((*PULLBACK, "--set", "leverge=3"), "there is no 'leverge'"),
        ((*PULLBACK, "--set", "leverage"), "is not NAME=VALUE"),
        ((*PULLBACK, "--set", "leverage=0.5"), "leverage: must be a number between 1 and 200"),
        ((*PULLBACK, "--set", "stop_atr=x"), "stop_atr must be a float"),
        ((*PULLBACK, "--walk-forward"), "needs something to choose from"),
        ((*PULLBACK, "--vary", "stop_atr"), "is not NAME=A,B,C"),
        ((*PULLBACK, "--vary", "stop_atr=0.1,0.1"), "named twice"),
        ((*PULLBACK, "--vary", "stop_atr=0.1", "--vary", "stop_atr=0.2"), "is given twice"),
        ((*PULLBACK, "--vary", "fats=1,2"), "neither a parameter of smc_pullback nor a field"),
        ((*PULLBACK, "--config", "none.json"), "cannot be read"),
        ((*PULLBACK, "--to", "2023-01-01", "--from", "2024-01-01"), "is before"),
    ],
)
def test_wrong_use_is_told_in_a_line(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ("--source", "sim", "--market", "sim:BTCUSDT", "--json", "never.json")
    assert cap(*source, *arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert not Path("never.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--vary", "stop_atr=0.1,0.3", "--report", "r.html"), "--report: a sweep has no page"),
        (("--resume", "r.jsonl"), "--resume keeps the results of a sweep"),
        (("--parquet", "file"), "is a file, not a folder"),
        (("--report", "file/r.html"), "is a file, not a folder"),
        (("--json", "folder"), "is a folder; name a file"),
    ],
)
def test_where_nothing_can_be_written_is_told_before_anything_runs(
    tmp_path: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert cap(*PULLBACK, *SIM, *arguments) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert "Bars" not in said.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "costs.toml").write_text(
        'size = 0.02\n[fees]\ntaker_bp = 9.0\n[trailing]\nkind = "percent"\ndistance = 2.0\n'
    )
    assert cap(*PULLBACK, *SIM, "--no-robustness", "--config", "costs.toml", "--json", "out.json") == 0
    config = json.loads((tmp_path / "out.json").read_text())["config"]
    assert (config["size"], config["fees"]["taker_bp"], config["trailing"]["kind"]) == (0.02, 9.0, "percent")
    (tmp_path / "bad.json").write_text("{")
    assert cap(*PULLBACK, *SIM, "--config", "bad.json") == 2
