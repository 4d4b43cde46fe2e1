"""The one way kernels are compiled.

Numba keys its cache by the modification time of the file a function stands in, and does not notice when a function it
calls from another file has changed. So the cache folder is named after the content of all engine sources: a stale
kernel cannot be loaded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_SOURCES = Path(__file__).resolve().parent


def source_fingerprint() -> str:
    """Short hash of all engine sources, the key of the kernel cache."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*.py")):
        digest.update(path.relative_to(_SOURCES).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_root() -> Path:
    configured = os.environ.get("CAP_KERNEL_CACHE")
    if configured:
        return Path(configured)
    beside = _SOURCES.parent
    if os.access(beside, os.W_OK):
        return beside / ".numba_cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crypto-analytics-platform" / "kernels"


CACHE_DIR = _cache_root() / source_fingerprint()
numba.config.CACHE_DIR = str(CACHE_DIR)  # pyright: ignore[reportPrivateImportUsage, reportAttributeAccessIssue]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` without the GIL, cached, with IEEE arithmetic (no reassociation, no contraction).

    Strict arithmetic is what makes rows equal bit for bit however bars are cut into calls.
    """
    return numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function)


def lean_kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` like `kernel`, but without counting references: it cannot make arrays.

    For the parts of a kernel that are called for an event: to hand over a state of twenty arrays costs forty atomic additions
    otherwise, more than the work itself. Memory is safe, because the caller holds the arrays. Nothing but speed, of
    compiling too, depends on the options.
    """
    return numba.njit(  # pyright: ignore[reportCallIssue, reportUnknownVariableType] - options the stubs do not know
        cache=True, nogil=True, fastmath=False, error_model="numpy", no_cfunc_wrapper=True, _nrt=False
    )(function)
