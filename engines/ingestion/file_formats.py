"""Readers of the candle file formats. Each gives raw rows: times in UTC and five float64 columns, nothing checked yet."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import polars as pl

from engines.bars import BAR_SCHEMA
from engines.errors import BadBars
from engines.ingestion.times import read_times

_VALUES = BAR_SCHEMA.names()[1:]
_TIME_NAMES = ("ts", "open_time", "timestamp")
_KLINE_COLUMNS = 12
_PLAIN_COLUMNS = 6
# A month of 1m klines is 6 MB of CSV; what unpacks to more than this is no archive of klines.
_LARGEST_MEMBER = 512 * 1024 * 1024
_CHUNK = 1 << 20


def read_rows(path: Path) -> pl.DataFrame:
    """Read a candle file.

    Parameters
    ----------
    path : Path
        Parquet, CSV (with a header, or without one in the 12 columns of Binance's klines or the 6 of `BAR_SCHEMA`), or a
        zip with one such CSV. A ``.CHECKSUM`` file beside a zip must agree with it.

    Returns
    -------
    DataFrame
        ``ts`` (Datetime us, UTC) and ``open high low close volume`` (Float64), in the order of the file.

    Raises
    ------
    BadBars
        If the file cannot be read, lacks a column, or a value is no number or time.
    """
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise BadBars("the file is empty (0 bytes)")
    if suffix == ".parquet":
        frame = _read_parquet(path)
    elif suffix == ".csv":
        frame = _read_csv(path.read_bytes())
    elif suffix == ".zip":
        frame = _read_csv(_unzip(path))
    else:
        raise BadBars(f"{suffix or 'no suffix'} is not a candle file; use .parquet, .csv or .zip")
    if frame.is_empty():
        raise BadBars("the file holds no bars")
    return frame


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        schema = pl.read_parquet_schema(path)
        names = _pick_columns(list(schema))
        frame = pl.read_parquet(path, columns=names)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadBars(f"the Parquet file cannot be read ({_first_line(error)})") from error
    return _typed(frame.select(names))


def _read_csv(data: bytes) -> pl.DataFrame:
    data = data.removeprefix(b"\xef\xbb\xbf")
    first_line = data[:4096].splitlines()[0] if data.strip() else b""
    if not first_line:
        raise BadBars("the file holds no bars")
    has_header = any(byte in b"abcdefghijklmnopqrstuvwxyz" for byte in first_line.split(b",")[0].lower())
    try:
        # Everything is read as text first: polars' own typed reading does not say which row holds a bad value.
        frame = pl.read_csv(io.BytesIO(data), has_header=has_header, infer_schema=False, raise_if_empty=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadBars(f"the CSV file cannot be read ({_first_line(error)})") from error
    if not has_header:
        if frame.width not in (_KLINE_COLUMNS, _PLAIN_COLUMNS):
            raise BadBars(
                f"the CSV has no header and {frame.width} columns; without a header it must have the "
                f"{_KLINE_COLUMNS} of Binance's klines or the {_PLAIN_COLUMNS} ts, open, high, low, close, volume"
            )
        frame = frame.select(frame.columns[:_PLAIN_COLUMNS])
        frame.columns = BAR_SCHEMA.names()
    else:
        frame = frame.rename({name: name.strip().lower() for name in frame.columns})
        frame = frame.select(_pick_columns(frame.columns))
    return _typed(frame)


def _pick_columns(columns: list[str]) -> list[str]:
    """Names of the time column and the five values; raises if one is missing."""
    times = [name for name in _TIME_NAMES if name in columns]
    missing = ([] if times else ["ts"]) + [name for name in _VALUES if name not in columns]
    if missing:
        raise BadBars(
            f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing; a candle file has "
            f"{', '.join(BAR_SCHEMA.names())}, this one {', '.join(columns)[:200] or 'none'}"
        )
    return [times[0], *_VALUES]


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Frame of the six columns, whatever they are called and typed, as times and float64."""
    time, *values = frame.iter_columns()
    return pl.DataFrame([read_times(time).alias("ts"), *(_number(column) for column in values)])


def _number(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Float64:
        return column
    if column.dtype == pl.Float32:
        raise BadBars(f"column {column.name!r} is float32, which cannot hold a price exactly; write float64")
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        numbers = text.cast(pl.Float64, strict=False)
        wrong = numbers.is_null() & text.is_not_null()
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise BadBars(f"{column.name} is {str(column[row])[:40]!r}, not a number", row)
        return numbers
    if column.dtype.is_numeric():
        return column.cast(pl.Float64)
    raise BadBars(f"column {column.name!r} is {column.dtype}, not a number")


def _unzip(path: Path) -> bytes:
    """Return the one CSV in a zip, checked against its CRC, its size and a checksum file beside it."""
    _compare_checksum(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                member
                for member in archive.infolist()
                if not member.is_dir() and not member.filename.startswith("__MACOSX/")
            ]
            if len(members) != 1 or not members[0].filename.lower().endswith(".csv"):
                names = ", ".join(member.filename for member in members[:5]) or "nothing"
                raise BadBars(f"the zip must hold one CSV file and nothing else; it holds {names[:200]}")
            member = members[0]
            inside = Path(member.filename).stem
            if inside != path.stem:
                raise BadBars(f"the zip is named {path.stem} but holds {inside[:100]}; one of them is misnamed")
            if member.file_size > _LARGEST_MEMBER:
                raise BadBars(f"{member.filename} would unpack to {member.file_size >> 20} MiB; klines are far smaller")
            # The size in the directory may lie, so reading is bounded too.
            with archive.open(member) as file:
                data = file.read(_LARGEST_MEMBER + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise BadBars(f"the zip is damaged or of an unknown kind ({_first_line(error)})") from error
    if len(data) > _LARGEST_MEMBER:
        raise BadBars(f"the CSV in the zip unpacks to more than {_LARGEST_MEMBER >> 20} MiB; klines are far smaller")
    return data


def _compare_checksum(path: Path) -> None:
    beside = path.with_name(path.name + ".CHECKSUM")
    try:
        text = beside.read_text(encoding="ascii", errors="replace").split()
    except FileNotFoundError:
        return
    if not text or text[0].lower() != file_hash(path):
        raise BadBars(f"the file does not have the SHA-256 that {beside.name} says; download both again")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
