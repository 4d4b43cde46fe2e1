"""Request bodies, set down where the engine can read them itself.

A body is complete before its INSERT begins, so an upload that breaks off inserts nothing. Files have no name: when the
process dies, they are gone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

IN_MEMORY = 8 << 20


class Spool:
    """A nameless file, in memory while it is small.

    Parameters
    ----------
    folder : Path
        Where it goes when it grows.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._descriptor: int | None = None
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append.

        Raises
        ------
        OSError
            If the disk is full.
        """
        self.size += len(data)
        if self._descriptor is not None:
            _write_all(self._descriptor, data)
            return
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size > IN_MEMORY:
            self._settle(on_disk=True)

    def extend(self, chunks: Iterable[bytes]) -> None:
        """Append all chunks."""
        for chunk in chunks:
            self.write(chunk)

    def _settle(self, *, on_disk: bool) -> int:
        if self._descriptor is None:
            if on_disk or not hasattr(os, "memfd_create"):
                self._folder.mkdir(parents=True, exist_ok=True)
                descriptor, name = tempfile.mkstemp(dir=self._folder)
                os.unlink(name)
            else:
                descriptor = os.memfd_create("request")
            self._descriptor = descriptor
            for piece in self._pending:
                _write_all(descriptor, piece)
            self._pending.clear()
        return self._descriptor

    @property
    def path(self) -> str:
        """Path by which the engine, in this process, opens the file from its start."""
        return f"/dev/fd/{self._settle(on_disk=False)}"

    def read(self) -> bytes:
        """Everything, as one piece of memory."""
        if self._descriptor is None:
            return b"".join(self._pending)
        return b"".join(self.pieces(1 << 26))

    def pieces(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Everything, piece by piece."""
        if self._descriptor is None:
            yield from self._pending
            return
        position = 0
        while piece := os.pread(self._descriptor, size, position):
            yield piece
            position += len(piece)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._pending.clear()

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
