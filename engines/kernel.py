"""The one way kernels are compiled.

Numba keys its cache by the modification time of the file a function stands in, and does not notice when a function it
calls from another file has changed. So kernels are cached in a folder named after the content of their file and of all
engine sources it imports: a stale kernel cannot be loaded, and a change compiles anew only what it can reach.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numba

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


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _imported(path: Path) -> frozenset[Path]:
    """Engine sources that a file names in its imports."""
    found: set[Path] = set()
    for module, names, plain in _IMPORT.findall(_content(path)):
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


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    source = Path(function.__code__.co_filename)
    # Numba reads the folder when it is told to cache a function, so each file can have its own.
    folder = CACHE_DIR / source_fingerprint(source) if source.is_file() else CACHE_DIR / "no-file"
    numba.config.CACHE_DIR = str(folder)  # pyright: ignore[reportPrivateImportUsage, reportAttributeAccessIssue]
    return numba.njit(cache=source.is_file(), nogil=True, fastmath=False, error_model="numpy", **options)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` without the GIL, cached, with IEEE arithmetic (no reassociation, no contraction).

    Strict arithmetic is what makes rows equal bit for bit however bars are cut into calls.
    """
    return _compile(function)


def lean_kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` like `kernel`, but without counting references: it cannot make arrays.

    For the parts of a kernel that are called for an event: to hand over a state of twenty arrays costs forty atomic additions
    otherwise, more than the work itself. Memory is safe, because the caller holds the arrays. Nothing but speed, of
    compiling too, depends on the options.
    """
    return _compile(function, no_cfunc_wrapper=True, _nrt=False)


def inlined_kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` like `lean_kernel`, as a part of each kernel that calls it.

    An array is seven words to a compiled function, and a call puts the words of all its arguments on the stack: for a state
    and its rows that is more than a hundred stores, more than most events cost. For what stands in few places.
    """
    return _compile(function, no_cfunc_wrapper=True, _nrt=False, forceinline=True)
