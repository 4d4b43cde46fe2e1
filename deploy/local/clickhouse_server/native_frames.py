"""ClickHouse's own compressed blocks, by which a client asks with ``compress=1`` and sends with ``decompress=1``.

A block is a 16-byte checksum of the rest, one byte for the method, the size of the block without the checksum, the size
of the data, and the data.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import lz4.block

from deploy.local.clickhouse_server.cityhash import cityhash128
from deploy.local.clickhouse_server.errors import Code, QueryError

_LZ4, _ZSTD, _NONE = 0x82, 0x90, 0x02
_CHECKSUM_SIZE = 16
_HEAD = struct.Struct("<BII")
_BLOCK_SIZE = 1 << 20
_LARGEST_BLOCK = 1 << 30


class FrameEncoder:
    """Writes LZ4 blocks of up to 1 MiB of data."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def compress(self, data: bytes) -> bytes:
        """Take a piece; returns the blocks that are full."""
        self._pending += data
        blocks: list[bytes] = []
        while len(self._pending) >= _BLOCK_SIZE:
            blocks.append(_encode(bytes(self._pending[:_BLOCK_SIZE])))
            del self._pending[:_BLOCK_SIZE]
        return b"".join(blocks)

    def flush(self) -> bytes:
        """Return the last block."""
        if not self._pending:
            return b""
        last = _encode(bytes(self._pending))
        self._pending.clear()
        return last


def _encode(data: bytes) -> bytes:
    packed = lz4.block.compress(data, store_size=False)
    block = _HEAD.pack(_LZ4, _HEAD.size + len(packed), len(data)) + packed
    return cityhash128(block) + block


def decode_frames(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Read a body of blocks.

    Raises
    ------
    QueryError
        If a block is damaged, cut off, or of an unknown method.
    """
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while (size := _complete_block(buffer)) is not None:
            yield _decode(bytes(buffer[:size]))
            del buffer[:size]
    if buffer:
        raise QueryError.of(Code.CANNOT_DECOMPRESS, "The request body ends in the middle of a compressed block")


def _complete_block(buffer: bytearray) -> int | None:
    if len(buffer) < _CHECKSUM_SIZE + _HEAD.size:
        return None
    _, packed_size, data_size = _HEAD.unpack_from(buffer, _CHECKSUM_SIZE)
    if not _HEAD.size <= packed_size <= _LARGEST_BLOCK or data_size > _LARGEST_BLOCK:
        raise QueryError.of(Code.CANNOT_DECOMPRESS, "The request body is not made of compressed blocks")
    size = _CHECKSUM_SIZE + packed_size
    return size if len(buffer) >= size else None


def _decode(block: bytes) -> bytes:
    if cityhash128(block[_CHECKSUM_SIZE:]) != block[:_CHECKSUM_SIZE]:
        raise QueryError.of(Code.CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: a compressed block is damaged")
    method, _, data_size = _HEAD.unpack_from(block, _CHECKSUM_SIZE)
    packed = block[_CHECKSUM_SIZE + _HEAD.size :]
    try:
        if method == _LZ4:
            return lz4.block.decompress(packed, uncompressed_size=data_size)
        if method == _ZSTD:
            import zstandard

            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=data_size)
    except Exception as error:  # each library has an exception class of its own
        raise QueryError.of(Code.CANNOT_DECOMPRESS, f"A compressed block cannot be read: {error}") from error
    if method == _NONE:
        return packed
    raise QueryError.of(Code.UNKNOWN_COMPRESSION_METHOD, f"Unknown compression method 0x{method:02x}")
