"""The text a user writes for a source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engines.ingestion import open_source, parse_source
from engines.ingestion.opening import SourceName
from engines.ingestion.vocabulary import SourceError, SourceKind, SourceUnavailable


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("exchange", SourceName(SourceKind.EXCHANGE)),
        ("sim", SourceName(SourceKind.SIMULATION)),
        ("sim:42", SourceName(SourceKind.SIMULATION, seed=42)),
        ("files:a/b c.csv", SourceName(SourceKind.FILES, place="a/b c.csv")),
        ("files:C:/candles", SourceName(SourceKind.FILES, place="C:/candles")),
    ],
)
def test_known_forms(text: str, name: SourceName) -> None:
    assert parse_source(text) == name


@pytest.mark.parametrize(
    "text", ["", "file:x", "files:", "files", "sim:", "sim:-1", "sim:x", "exchange:binance", "/data", "sim:²"]
)
def test_other_forms_are_refused_in_words(text: str) -> None:
    with pytest.raises(SourceError, match=r"exchange|files:|sim"):
        parse_source(text)


def test_each_kind_opens(tmp_path: Path) -> None:
    assert open_source("sim", lambda: 0).kind is SourceKind.SIMULATION
    assert open_source("exchange", lambda: 0).kind is SourceKind.EXCHANGE
    with pytest.raises(SourceUnavailable, match="there is no file or folder"):
        open_source(f"files:{tmp_path}/nothing")


def test_ccxt_is_imported_only_when_an_exchange_is_asked() -> None:
    script = "import sys; from engines.ingestion import open_source; open_source('exchange', lambda: 0); assert 'ccxt' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).resolve().parents[2])


def test_naming_a_source_imports_nothing_heavy() -> None:
    script = (
        "import sys; from engines.ingestion.opening import parse_source; parse_source('sim')\n"
        "assert not {'polars', 'numba', 'ccxt'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).resolve().parents[2])
