"""Candle files of every kind the source reads, good and rubbish."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from engines.ingestion import file_formats
from engines.ingestion.candle_files import CandleFiles
from engines.ingestion.source import Batch, Series
from engines.timeframe import Timeframe
from tests.ingestion.bars_for_tests import MINUTE, START, good_bars

BTC = Series("binance", "BTCUSDT", Timeframe.M1)
BARS = good_bars(40)


def read(path: Path) -> Batch:
    (batch,) = CandleFiles.open(path).read(BTC, Timeframe.M1)
    return batch


def refusal(path: Path) -> str:
    batch = read(path)
    report = batch.report
    assert not report.accepted
    assert batch.bars.is_empty()
    assert (report.ts, report.ts_last, report.bars) == (0, 0, 0)
    assert report.content_hash == hashlib.sha256(path.read_bytes()).hexdigest()
    return report.reason


def csv_of(bars: pl.DataFrame, times: Callable[[int], str] = str, header: bool = True) -> bytes:
    lines = [",".join(bars.columns)] if header else []
    for row in bars.with_columns(ts=pl.col("ts").to_physical()).iter_rows():
        lines.append(",".join([times(row[0]), *(repr(value) for value in row[1:])]))
    return ("\n".join(lines) + "\n").encode()


def klines_of(bars: pl.DataFrame, factor: int = 1, header: bool = False) -> bytes:
    names = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
    lines = [names] if header else []
    for ts, *values in bars.with_columns(ts=pl.col("ts").to_physical()).iter_rows():
        close_time = (ts + MINUTE) * factor - 1
        lines.append(",".join([str(ts * factor), *(repr(v) for v in values), str(close_time), "0", "7", "0", "0", "0"]))
    return ("\n".join(lines) + "\n").encode()


def zip_of(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    return tmp_path / "binance_BTCUSDT_1m_x.parquet"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "binance_BTCUSDT_1m.csv"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "BTCUSDT-1m-2024-01.zip"


def iso(form: str) -> Callable[[int], str]:
    return lambda ts: str(pl.Series([ts]).cast(pl.Datetime("ms")).dt.strftime(form)[0])


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(str, id="ms"),
        pytest.param(lambda ts: str(ts // 1_000), id="s"),
        pytest.param(lambda ts: str(ts * 1_000), id="us"),
        pytest.param(lambda ts: str(ts * 1_000_000), id="ns"),
        pytest.param(lambda ts: f"{ts / 1_000:.3f}", id="fractional s"),
        pytest.param(lambda ts: f"{ts}.0", id="float ms"),
        pytest.param(iso("%Y-%m-%dT%H:%M:%SZ"), id="ISO Z"),
        pytest.param(iso("%Y-%m-%d %H:%M:%S"), id="ISO without zone"),
        pytest.param(iso("%Y-%m-%d %H:%M"), id="ISO to the minute"),
        pytest.param(iso("%Y-%m-%dT%H:%M:%S.000+00:00"), id="ISO offset"),
        pytest.param(lambda ts: iso("%Y-%m-%d %H:%M:%S+0200")(ts + 120 * MINUTE), id="ISO of another zone"),
        pytest.param(lambda ts: iso("%Y-%m-%d %H:%M:%S UTC")(ts), id="ISO UTC"),
    ],
)
def test_a_csv_may_write_times_in_any_usual_way(csv: Path, times: Callable[[int], str]) -> None:
    csv.write_bytes(csv_of(BARS, times))
    assert read(csv).bars.equals(BARS)


@pytest.mark.parametrize("name", ["ts", "open_time", "timestamp", " TS "])
def test_a_csv_may_call_its_time_so(csv: Path, name: str) -> None:
    csv.write_bytes(csv_of(BARS).replace(b"ts", name.encode(), 1))
    assert read(csv).bars.equals(BARS)


def test_a_csv_may_have_a_byte_order_mark_windows_lines_and_columns_in_another_order(csv: Path) -> None:
    text = csv_of(BARS.select("volume", "ts", "close", "low", "high", "open").select(BARS.columns)).decode()
    csv.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read(csv).bars.equals(BARS)
    csv.write_bytes(
        BARS.select("close", pl.col("ts").to_physical(), "open", "high", "volume", "low").write_csv().encode()
    )
    assert read(csv).bars.equals(BARS)


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("factor", [1, 1_000])
def test_an_archive_zip_in_milliseconds_or_microseconds(archive: Path, factor: int, header: bool) -> None:
    zip_of(archive, {"BTCUSDT-1m-2024-01.csv": klines_of(BARS, factor, header)})
    batch = read(archive)
    assert batch.bars.equals(BARS)
    assert (batch.report.exchange, batch.report.symbol, batch.report.origin) == ("binance", "BTCUSDT", archive.name)


def test_an_unpacked_archive_csv(archive: Path) -> None:
    path = archive.with_suffix(".csv")
    path.write_bytes(klines_of(BARS))
    assert read(path).bars.equals(BARS)


@pytest.mark.parametrize(
    "dtype",
    [pl.Datetime("ns", "UTC"), pl.Datetime("us"), pl.Datetime("ms", "Asia/Tokyo"), pl.Int64],
    ids=str,
)
def test_a_parquet_may_type_its_times_so(parquet: Path, dtype) -> None:
    ts = BARS["ts"]
    if dtype == pl.Int64:
        ts = ts.to_physical()
    elif dtype.time_zone is None:
        ts = ts.dt.replace_time_zone(None).cast(dtype)
    else:
        ts = ts.dt.convert_time_zone(dtype.time_zone).dt.cast_time_unit(dtype.time_unit)
    BARS.with_columns(ts=ts).write_parquet(parquet)
    assert read(parquet).bars.equals(BARS)


def test_daily_bars_may_carry_dates(tmp_path: Path) -> None:
    days = good_bars(12, step=1_440 * MINUTE)
    days.with_columns(pl.col("ts").dt.date()).write_parquet(tmp_path / "binance_BTCUSDT_1d.parquet")
    source = CandleFiles.open(tmp_path)
    (batch,) = source.read(BTC, Timeframe.D1)
    assert batch.bars.equals(days)
    assert source.coverage(BTC, Timeframe.D1) == [(START, START + 12 * 1_440 * MINUTE)]


def test_whole_numbers_and_decimals_are_numbers(parquet: Path) -> None:
    whole = BARS.with_columns(
        open=pl.lit(5), high=pl.lit(7), low=pl.lit(4), close=pl.lit("5.25").cast(pl.Decimal(10, 2))
    )
    whole.with_columns(extra=pl.lit("x")).write_parquet(parquet)
    bars = read(parquet).bars
    assert (bars["open"][0], bars["close"][0]) == (5.0, 5.25)


def test_prices_survive_a_csv_to_the_last_bit(csv: Path) -> None:
    values = BARS.with_columns(pl.col("high") + 0.1 + 0.2, pl.col("volume") / 3)
    csv.write_bytes(csv_of(values))
    assert read(csv).bars.equals(values)


@pytest.mark.parametrize(("skew_minutes", "accepted"), [(0, True), (5, True), (-1, False), (-5, False)])
def test_a_bar_that_is_not_closed_refuses_the_file(parquet: Path, skew_minutes: int, accepted: bool) -> None:
    BARS.write_parquet(parquet)
    closed = START + len(BARS) * MINUTE
    source = CandleFiles.open(parquet, clock=lambda: closed + skew_minutes * MINUTE)
    (batch,) = source.read(BTC, Timeframe.M1)
    assert batch.report.accepted is accepted
    assert batch.bars.height == (len(BARS) if accepted else 0)
    if not accepted:
        assert "not closed by this machine's clock" in batch.report.reason


def test_a_bad_row_refuses_the_file_with_row_and_rule(parquet: Path) -> None:
    bad = BARS.with_columns(high=pl.when(pl.int_range(pl.len()) == 17).then(1.0).otherwise(pl.col("high")))
    bad.write_parquet(parquet)
    assert refusal(parquet) == "row 17: high is below max(open, close)"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty (0 bytes)"),
        (b"\n\n", "the file holds no bars"),
        (b"ts,open,high,low,close,volume\n", "the file holds no bars"),
        (b"ts,open,high,low,close\n1,1,1,1,1\n", "column volume missing"),
        (b"date,o,h,l,c,v\n1,1,1,1,1,1\n", "columns ts, open, high, low, close, volume missing"),
        (b"1704067200000,1,1,1,1\n", "without a header it must have the 12 of Binance's klines"),
        (b"\x00\xff\xfe\x80" * 50, ""),
        (b"<html><body>404</body></html>\n", "missing"),
        (csv_of(BARS).replace(b"ts,open", b"ts,ts2").replace(b"\n1", b"\nx1", 3), "missing"),
    ],
)
def test_a_csv_of_rubbish_is_refused(csv: Path, content: bytes, reason: str) -> None:
    csv.write_bytes(content)
    assert reason in refusal(csv)


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (4, "abc,1,1,1,1,1", "row 3: ts is no number of the same kind as in the other rows (it is 'abc')"),
        (4, ",1,1,1,1,1", "row 3: ts is null"),
        (4, f"{(START + 3 * MINUTE) // 1000},1,1,1,1,1", "row 3: ts is in another unit"),
        (4, f"{(START + 3 * MINUTE) * 1000},1,1,1,1,1", "row 3: ts is in another unit"),
        (4, "-5,1,1,1,1,1", "row 3: ts is not a number since the Unix epoch"),
        (4, f"{START + 3 * MINUTE},1,x,1,1,1", "row 3: high is 'x', not a number"),
        (4, f"{START + 3 * MINUTE},1,,1,1,1", "row 3: high is null"),
        (4, f"{START + 3 * MINUTE},1,nan,1,1,1", "row 3: a price is null, NaN or infinite"),
        (4, f"{START + 3 * MINUTE},1,inf,1,1,1", "row 3: a price is null, NaN or infinite"),
        (4, f"{START + 3 * MINUTE},1,1,1,1,-1", "row 3: volume is null, NaN, infinite or negative"),
        (4, f"{START + 3 * MINUTE},1,1,1,1", "row 3: volume is null"),
        (4, f"{START + 3 * MINUTE},1,1,1,1,1,9", "cannot be read"),
        (4, f"{START + 2 * MINUTE},1,1,1,1,1", "row 3: ts is that of row 2, but the values differ"),
        (4, f"{START - MINUTE},1,1,1,1,1", "row 3: ts is not after the bar before it"),
    ],
)
def test_a_bad_line_of_a_csv_is_named(csv: Path, line: int, text: str, reason: str) -> None:
    lines = csv_of(BARS).decode().splitlines()
    lines[line] = text
    csv.write_text("\n".join(lines))
    assert reason in refusal(csv)


def test_times_that_are_no_times_are_refused(csv: Path) -> None:
    csv.write_bytes(csv_of(BARS, lambda ts: "2024-13-45T00:00:00Z" if ts == START + 2 * MINUTE else iso("%FT%TZ")(ts)))
    assert refusal(csv).startswith("row 2: ts is not a time")
    csv.write_bytes(csv_of(BARS, lambda ts: "01/02/2024 10:00"))
    assert refusal(csv).startswith("row 0: ts is not a time")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b: b.drop("low"), "column low missing"),
        (lambda b: b.with_columns(pl.col("close").cast(pl.Float32)), "column 'close' is float32"),
        (lambda b: b.with_columns(close=pl.lit(True)), "column 'close' is Boolean, not a number"),
        (lambda b: b.with_columns(close=pl.lit("many")), "row 0: close is 'many', not a number"),
        (lambda b: b.with_columns(ts=pl.lit(True)), "column 'ts' is Boolean"),
        (lambda b: b.with_columns(ts=pl.lit(None, dtype=pl.Int64)), "row 0: ts is null"),
        (lambda b: b.with_columns(volume=pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise(pl.col("volume"))), "row 5: volume is null"),
        (lambda b: b.with_columns(ts=pl.col("ts").dt.cast_time_unit("ns") + pl.duration(nanoseconds=1)), "row 0: ts is finer than a microsecond"),
        (lambda b: b[:0], "the file holds no bars"),
    ],
)  # fmt: skip
def test_a_parquet_of_rubbish_is_refused(
    parquet: Path, change: Callable[[pl.DataFrame], pl.DataFrame], reason: str
) -> None:
    change(BARS).write_parquet(parquet)
    assert reason in refusal(parquet)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_file_that_is_cut_off_is_refused(parquet: Path, archive: Path, keep: float) -> None:
    BARS.write_parquet(parquet)
    zip_of(archive, {"BTCUSDT-1m-2024-01.csv": klines_of(good_bars(2_000))})
    for path, reason in ((parquet, "the Parquet file cannot be read"), (archive, "the zip is damaged")):
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])
        assert reason in refusal(path)


def test_damage_inside_a_zip_is_noticed(archive: Path) -> None:
    zip_of(archive, {"BTCUSDT-1m-2024-01.csv": klines_of(BARS)}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(b",0,7,0,0,0\n", b",0,8,0,0,0\n", 1))
    assert "the zip is damaged" in refusal(archive)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "it holds nothing"),
        ({"BTCUSDT-1m-2024-01.csv": b"1", "evil.csv": b"1"}, "must hold one CSV file"),
        ({"readme.txt": b"1"}, "must hold one CSV file"),
        ({"ETHUSDT-1m-2024-01.csv": klines_of(BARS)}, "one of them is misnamed"),
        ({"BTCUSDT-1m-2024-01.csv": b""}, "the file holds no bars"),
    ],
)
def test_a_zip_must_hold_what_its_name_says(archive: Path, members: dict[str, bytes], reason: str) -> None:
    assert reason in refusal(zip_of(archive, members))


def test_a_zip_bomb_is_not_unpacked(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_formats, "_LARGEST_MEMBER", 10_000)
    zip_of(archive, {"BTCUSDT-1m-2024-01.csv": b"1" * 50_000})
    assert "klines are far smaller" in refusal(archive)
    # A directory that lies about the size does not help it.
    data = archive.read_bytes().replace((50_000).to_bytes(4, "little"), (5_000).to_bytes(4, "little"))
    archive.write_bytes(data)
    assert refusal(archive)


def test_an_encrypted_zip_is_refused(archive: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as plain:
        plain.writestr("BTCUSDT-1m-2024-01.csv", klines_of(BARS))
    data = bytearray(buffer.getvalue())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(bytes(data))
    assert "encrypted" in refusal(archive)


def test_a_checksum_beside_a_zip_must_agree(archive: Path) -> None:
    zip_of(archive, {"BTCUSDT-1m-2024-01.csv": klines_of(BARS)})
    beside = archive.with_name(archive.name + ".CHECKSUM")
    beside.write_text(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n")
    assert read(archive).report.accepted
    beside.write_text(f"{'0' * 64}  {archive.name}\n")
    assert "SHA-256" in refusal(archive)
