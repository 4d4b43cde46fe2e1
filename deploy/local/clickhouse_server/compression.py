"""Content encodings: what a request body arrives in and what a response leaves in."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from deploy.local.clickhouse_server.errors import Code, QueryError


class Encoder(Protocol):
    """Turns a response into its encoded form, piece by piece."""

    def compress(self, data: bytes) -> bytes:
        """Take a piece; may hold bytes back."""
        ...

    def flush(self) -> bytes:
        """End the stream and return what is left of it."""
        ...


class _Lz4Encoder:
    """One LZ4 frame. Clients read a single frame, so the whole response is one."""

    def __init__(self) -> None:
        import lz4.frame

        self._frame = lz4.frame.LZ4FrameCompressor(block_linked=False)
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        head = b"" if self._begun else self._frame.begin()
        self._begun = True
        return head + self._frame.compress(data)

    def flush(self) -> bytes:
        head = b"" if self._begun else self._frame.begin()
        self._begun = True
        return head + self._frame.flush()


def _zstd_encoder() -> Any:
    import zstandard

    return zstandard.ZstdCompressor(level=1).compressobj()


_ENCODERS: dict[str, Any] = {
    "zstd": _zstd_encoder,
    "lz4": _Lz4Encoder,
    "gzip": lambda: zlib.compressobj(1, zlib.DEFLATED, 31),
    "deflate": lambda: zlib.compressobj(1, zlib.DEFLATED, 15),
}


def negotiate(accept_encoding: str) -> str | None:
    """Choose the response encoding: the first the client names that this server can write, or None."""
    offers: list[tuple[float, int, str]] = []
    for order, part in enumerate(accept_encoding.lower().split(",")):
        name, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0 and name.strip() in _ENCODERS:
            offers.append((-weight, order, name.strip()))
    return min(offers)[2] if offers else None


def encoder(name: str) -> Encoder:
    """Make the encoder of a content encoding chosen by `negotiate`."""
    return _ENCODERS[name]()


class _ZlibDecoder:
    """gzip or zlib by their header, raw deflate where it has none; several members in a row are one body."""

    def __init__(self) -> None:
        self._make = lambda: zlib.decompressobj(47)
        self._stream = self._make()
        self._first = True

    def decompress(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        while data:
            if self._stream.eof:
                self._stream = self._make()
            try:
                pieces.append(self._stream.decompress(data))
            except zlib.error:
                if not self._first:
                    raise
                self._make = lambda: zlib.decompressobj(-15)
                self._stream = self._make()
                pieces.append(self._stream.decompress(data))
            self._first = False
            data = self._stream.unused_data
        return b"".join(pieces)

    @property
    def eof(self) -> bool:
        return self._stream.eof


class _FrameDecoder:
    """lz4 or zstd: frames in a row are one body."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self._stream = make()
        self.eof = False

    def decompress(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        while data:
            if self.eof:
                self._stream = self._make()
            pieces.append(self._stream.decompress(data))
            self.eof = bool(self._stream.eof)
            data = self._stream.unused_data if self.eof else b""
        return b"".join(pieces)


def _decoder(encoding: str) -> Any:
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _ZlibDecoder()
    if encoding == "lz4":
        import lz4.frame

        return _FrameDecoder(lz4.frame.LZ4FrameDecompressor)
    if encoding == "zstd":
        import zstandard

        return _FrameDecoder(lambda: zstandard.ZstdDecompressor().decompressobj())
    if encoding == "xz":
        import lzma

        return _FrameDecoder(lzma.LZMADecompressor)
    if encoding == "bz2":
        import bz2

        return _FrameDecoder(bz2.BZ2Decompressor)
    if encoding == "br":
        try:
            import brotli  # pyright: ignore[reportMissingImports]  # present on some machines only
        except ImportError:
            pass
        else:
            return _BrotliDecoder(brotli.Decompressor())
    raise QueryError.of(
        Code.UNKNOWN_COMPRESSION_METHOD,
        f"Content-Encoding {encoding} is not supported here; use zstd, lz4, gzip, deflate, xz or bz2",
    )


class _BrotliDecoder:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def decompress(self, data: bytes) -> bytes:
        return self._stream.process(data)

    @property
    def eof(self) -> bool:
        return bool(self._stream.is_finished())


def decode(encoding: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode a request body.

    Raises
    ------
    QueryError
        If the encoding is unknown, or the body is damaged or cut off.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from chunks
        return
    stream = _decoder(encoding)
    seen = False
    for chunk in chunks:
        seen = seen or bool(chunk)
        try:
            data = stream.decompress(chunk)
        except Exception as error:  # each library has an exception class of its own
            raise QueryError.of(
                Code.CANNOT_DECOMPRESS, f"The request body is not valid {encoding} data: {error}"
            ) from error
        if data:
            yield data
    if seen and not stream.eof:
        raise QueryError.of(Code.CANNOT_DECOMPRESS, f"The request body ends in the middle of its {encoding} data")
