"""Compressed bodies, by content encoding and in ClickHouse's own blocks."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.clickhouse_server.cityhash import cityhash128
from deploy.local.clickhouse_server.compression import decode, encoder, negotiate
from deploy.local.clickhouse_server.errors import QueryError
from deploy.local.clickhouse_server.native_frames import FrameEncoder, decode_frames
from tests.deploy.clickhouse_process import ClickHouseProcess

_COMPRESSORS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


def _cut(data: bytes, size: int = 7) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("encoding", _COMPRESSORS)
def test_bodies_are_decoded_however_they_are_cut(encoding: str) -> None:
    data = b"candles " * 1000
    assert b"".join(decode(encoding, _cut(_COMPRESSORS[encoding](data)))) == data


@pytest.mark.parametrize("encoding", _COMPRESSORS)
def test_members_in_a_row_are_one_body(encoding: str) -> None:
    pack = _COMPRESSORS[encoding]
    assert b"".join(decode(encoding, _cut(pack(b"one") + pack(b"two")))) == b"onetwo"


@pytest.mark.parametrize("encoding", _COMPRESSORS)
def test_a_body_cut_off_is_refused(encoding: str) -> None:
    packed = _COMPRESSORS[encoding](bytes(range(256)) * 50)
    with pytest.raises(QueryError) as refusal:
        list(decode(encoding, _cut(packed[:-9])))
    assert refusal.value.code == 271


@pytest.mark.parametrize("encoding", _COMPRESSORS)
def test_rubbish_is_refused(encoding: str) -> None:
    with pytest.raises(QueryError) as refusal:
        list(decode(encoding, [b"this is not compressed at all, not at all"]))
    assert refusal.value.code == 271


def test_raw_deflate_is_understood() -> None:
    stream = zlib.compressobj(wbits=-15)
    packed = stream.compress(b"raw deflate, as some clients mean it") + stream.flush()
    assert b"".join(decode("deflate", [packed])) == b"raw deflate, as some clients mean it"


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(QueryError) as refusal:
        list(decode("snappy", [b"x"]))
    assert refusal.value.code == 89


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
def test_responses_are_one_stream(encoding: str) -> None:
    pieces = [b"a" * 10, b"", b"b" * 100_000, b"c"]
    stream = encoder(encoding)
    packed = b"".join([*(stream.compress(piece) for piece in pieces), stream.flush()])
    assert b"".join(decode(encoding, [packed])) == b"".join(pieces)


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [("lz4,zstd,gzip", "lz4"), ("br, gzip;q=0.5, zstd", "zstd"), ("identity", None), ("", None), ("gzip;q=0", None)],
)
def test_the_clients_first_choice_is_taken(accepted: str, chosen: str | None) -> None:
    assert negotiate(accepted) == chosen


@given(st.lists(st.binary(max_size=400), max_size=5), st.integers(1, 50))
def test_blocks_are_read_back_however_they_are_cut(pieces: list[bytes], size: int) -> None:
    stream = FrameEncoder()
    packed = b"".join([*(stream.compress(piece) for piece in pieces), stream.flush()])
    assert b"".join(decode_frames(_cut(packed, size))) == b"".join(pieces)


def test_a_damaged_block_is_refused() -> None:
    stream = FrameEncoder()
    packed = bytearray(stream.compress(b"x" * 1000) + stream.flush())
    packed[-1] ^= 1
    with pytest.raises(QueryError) as refusal:
        list(decode_frames([bytes(packed)]))
    assert refusal.value.code == 40


def test_checksums_are_the_ones_the_engine_writes(clickhouse: ClickHouseProcess, database: str) -> None:
    """The engine's own column files are made of the same blocks, with its own checksums."""
    clickhouse.sql(
        f"CREATE TABLE {database}.t (k UInt64, s String) ENGINE = MergeTree ORDER BY k SETTINGS min_bytes_for_wide_part = 0"
    )
    clickhouse.sql(f"INSERT INTO {database}.t SELECT number, repeat('x', number % 200) FROM numbers(300000)")
    clickhouse.sql(f"INSERT INTO {database}.t VALUES (1, 'short')")
    path = clickhouse.sql(f"SELECT data_paths[1] FROM system.tables WHERE database = '{database}'")
    from pathlib import Path

    blocks = 0
    for file in Path(path).glob("*/*.bin"):
        data, position = file.read_bytes()[:2_000_000], 0
        while position + 25 <= len(data):
            (size,) = struct.unpack_from("<I", data, position + 17)
            block = data[position + 16 : position + 16 + size]
            if len(block) < size:
                break
            assert cityhash128(block) == data[position : position + 16]
            position += 16 + size
            blocks += 1
    assert blocks > 10
