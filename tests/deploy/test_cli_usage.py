"""The command line: help, wrong use, errors of one sentence, exit codes."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from deploy.cli import main as cli
from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.options import Options, remember
from deploy.cli.status import NAMES, check_health, masked
from deploy.local.errors import HomeBusy
from orchestration.pipeline_request import SourceOutOfReach
from stores.settings import Settings
from tests.stack_fixtures import bare_settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SOURCE", "MARKETS", "TIMEFRAMES", "SINCE", "UNTIL", "CLICKHOUSE_URL", "POSTGRES_URL", "REDIS_URL"):
        monkeypatch.delenv(f"CAP_{name}", raising=False)
    monkeypatch.setenv("CAP_HOME", str(tmp_path / "home"))


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("command", ["up", "run", "audit", "risk", "down", "status", "indicators", "warm"])
def test_every_command_takes_home_and_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(command, "--help") == 0
    shown = capsys.readouterr().out
    assert "--home DIR" in shown
    assert "--debug" in shown


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom deploy.cli import main\n"
        "try: main.main(['--help'])\nexcept SystemExit as end: assert end.code == 0\n"
        "heavy = {'polars', 'numba', 'dagster', 'pydantic', 'rich', 'sqlalchemy', 'psycopg', 'numpy'} & set(sys.modules)\n"
        "print('heavy:', heavy)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: set()"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--source", "ftp"], "'ftp' is not a source; write exchange, files:PATH"),
        (["run", "--source", "files:"], "files: needs a path"),
        (["run", "--market", "BTCUSDT"], "'BTCUSDT' is not a market; write exchange:SYMBOL, as in binance:BTCUSDT"),
        (["run", "--timeframe", "7m"], "unknown timeframe '7m'; known are 1m, "),
        (["run", "--since", "2024"], "--since: '2024' is not a day; write it as in 2024-01-31"),
        (["run", "--until", "2024-02-30"], "--until: '2024-02-30' is not a day"),
        (["run", "--since", "2024-02-01", "--until", "2024-01-01"], "--until 2024-01-01 is before --since 2024-02-01"),
        (["run", "--sorce", "sim"], "No such option: --sorce"),
        (["ruun"], "No such command 'ruun'"),
        (["status", "now"], "unexpected extra argument"),
    ],
)
def test_wrong_use_is_one_sentence_and_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert exit_code(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message.lower() in shown.err.lower()
    assert shown.err.startswith("cap: ")
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "home").exists(), "nothing was begun"


def test_no_command_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code() == 2
    assert "Usage: cap" in capsys.readouterr().err


def test_a_variable_with_a_bad_value_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAP_SINCE", "soon")
    assert exit_code("run", "--source", "sim") == 2
    assert "CAP_SINCE cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (HomeBusy("it is busy; stop it"), "cap: it is busy; stop it\n"),
        (SourceOutOfReach("no route"), "cap: no route\n"),
        (CommandFailed("two\nlines"), "cap: two lines\n"),
        (ZeroDivisionError("by zero"), "cap: something unforeseen went wrong (ZeroDivisionError: by zero); "),
    ],
)
def test_failures_are_one_sentence_and_1(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("deploy.cli.down.stop_platform", fail)
    assert exit_code("down") == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(message)
    assert "Traceback" not in shown.err
    with pytest.raises(type(error)):
        cli.main(["down", "--debug"])


def test_down_with_nothing_running(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert exit_code("down") == 0
    assert capsys.readouterr().out == f"Nothing runs on {tmp_path / 'home'}.\n"


def test_a_home_that_cannot_be_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert exit_code("run", "--source", "sim", "--home", str(tmp_path / "file" / "home")) == 1
    assert "cannot be used (Not a directory); choose another with --home" in capsys.readouterr().err


def test_options_come_before_the_environment_and_that_before_the_last_time(monkeypatch: pytest.MonkeyPatch) -> None:
    last = remember(
        bare_settings(source="sim", markets=("kraken:XBTUSD",), timeframes=("5m",), since=date(2024, 1, 1), until=None)
    )
    recalled = Options().over(Settings(), last)
    assert (recalled.source, recalled.markets, recalled.timeframes) == ("sim", ("kraken:XBTUSD",), ("5m",))
    assert recalled.since == date(2024, 1, 1)
    monkeypatch.setenv("CAP_MARKETS", "binance:ETHUSDT")
    assert Options().over(Settings(), last).markets == ("binance:ETHUSDT",)
    given = Options.of("exchange", ["binance:SOLUSDT"], None, None, "2024-06-30").over(Settings(), last)
    assert (given.source, given.markets, given.timeframes) == ("exchange", ("binance:SOLUSDT",), ("5m",))
    assert (given.since, given.until) == (None, date(2024, 6, 30)), "a new span does not keep half of the old one"
    assert Options().over(Settings(), {"source": 7}).source == Settings().source, "a damaged file is no file"


def test_a_folder_of_files_is_found_from_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Options.of("files:candles", None, None, None, None).source == f"files:{tmp_path / 'candles'}"


def test_a_span_of_the_environment_is_checked_too() -> None:
    with pytest.raises(WrongUse, match="before"):
        Options().over(bare_settings(since=date(2024, 5, 1), until=date(2024, 1, 1)))


def test_status_has_every_key_when_nothing_runs(tmp_path: Path) -> None:
    health = check_health(bare_settings(home=tmp_path))
    assert tuple(health) == NAMES
    assert all(each.shown() == {"url": None, "healthy": False} for each in health.values())


def test_passwords_are_masked() -> None:
    assert masked("postgresql://cap:a@b%2F@127.0.0.1:5432/cap") == "postgresql://cap:***@127.0.0.1:5432/cap"
    assert masked("redis://:secret@h:1/0") == "redis://:***@h:1/0"
    assert masked("http://127.0.0.1:8000") == "http://127.0.0.1:8000"
