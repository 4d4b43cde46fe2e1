"""Where compiled kernels are kept: in a folder named after the content of their source, and of all it calls.

Numba looks at the file a function stands in, and does not notice when a function it calls from another file has changed. A
folder is therefore named after the content of a file and of all engine sources it imports: a stale kernel cannot be loaded, a
change compiles anew only what it can reach, and neither a file's place nor its age matters, so that checkouts can share a
cache and an image can bring one along.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import _CacheLocator  # pyright: ignore[reportPrivateUsage] - numba names classes made from it by setting

from engines.errors import KernelCacheNotWritable

_SOURCES = Path(__file__).resolve().parent
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(engines[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+(engines[\w.]*))", re.M
)
_WORD = re.compile(rb"\w+")


def source_fingerprint(path: Path) -> str:
    """Short hash of a source file and of all engine sources that it imports, directly or not."""
    digest = hashlib.sha256()
    for source in sorted(_reach(path)):
        digest.update(source.name.encode())
        digest.update(_content(source))
    return digest.hexdigest()[:16]


def _reach(path: Path) -> set[Path]:
    reached = {path}
    waiting = [path]
    while waiting:
        for source in _imported(waiting.pop()):
            if source not in reached:
                reached.add(source)
                waiting.append(source)
    return reached


def _content(path: Path) -> bytes:
    # A user's file may change while the process lives; it is then read anew.
    return _engine_content(path) if path.is_relative_to(_SOURCES) else path.read_bytes()


@cache
def _engine_content(path: Path) -> bytes:
    return path.read_bytes()


def _imported(path: Path) -> frozenset[Path]:
    """Engine sources that a file names in its imports."""
    return _named_in(_content(path))


@cache
def _named_in(source: bytes) -> frozenset[Path]:
    found: set[Path] = set()
    for module, names, plain in _IMPORT.findall(source):
        base = (module or plain).decode()
        inner = [f"{base}.{name.decode()}" for name in _WORD.findall(names)]
        for dotted in (base, *inner):
            found.update(_files(dotted))
    return frozenset(found)


def _files(module: str) -> Iterator[Path]:
    """Files of a dotted name below ``engines``; none if it is not a module."""
    place = _SOURCES.joinpath(*module.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file() and path != _SOURCES / "__init__.py":
            yield path


def _cache_root() -> Path:
    configured = os.environ.get("CAP_KERNEL_CACHE")
    if configured:
        return Path(configured)
    beside = _SOURCES.parent
    if os.access(beside, os.W_OK):
        return beside / ".numba_cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crypto-analytics-platform" / "kernels"


CACHE_DIR = _cache_root()
"""Folder of all compiled kernels."""
LOCATOR = f"{__name__}.ContentLocator"
"""What numba is told to ask where a kernel is kept."""


class ContentLocator(_CacheLocator):
    """Tells numba where a kernel is kept; nothing is written unless it has to be compiled.

    Parameters
    ----------
    function : callable
        What is compiled.
    file : str
        The file it stands in.
    """

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._py_file = file
        self._line = function.__code__.co_firstlineno
        self._folder = CACHE_DIR / source_fingerprint(Path(file))

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> ContentLocator:
        """Locator of a function."""
        return cls(py_func, py_file)

    def get_cache_path(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride] - the base class has no types
        """Folder of the kernels of the file."""
        return str(self._folder)

    def get_source_stamp(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride] - the base class has no types
        """Says that what is there is never stale."""
        return ""

    def get_disambiguator(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride] - the base class has no types
        """Tells functions of one name apart."""
        return str(self._line)

    def ensure_cache_path(self) -> None:
        """Make the folder, because a kernel was compiled that is not there yet.

        Raises
        ------
        KernelCacheNotWritable
        """
        try:
            super().ensure_cache_path()
        except OSError as error:
            raise KernelCacheNotWritable(
                f"kernels that are not in {CACHE_DIR} had to be compiled, and cannot be kept there ({error.strerror}); make them"
                " on this kind of processor by cap warm, or name a folder that can be written in CAP_KERNEL_CACHE"
            ) from error
