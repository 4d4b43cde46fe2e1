"""The one way kernels are compiled."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numba

from engines.kernel_cache import LOCATOR

_CONFIG: Any = vars(numba)["config"]
_TYPES: Any = numba.types
_PROCESSOR = os.environ.get("CAP_KERNEL_CPU")
if _PROCESSOR:
    # A kernel is kept for one kind of processor. Named, it can be made elsewhere than where it runs.
    _CONFIG.CPU_NAME = _PROCESSOR
    _CONFIG.CPU_FEATURES = ""


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    options = {"error_model": "numpy", **options}
    in_file = Path(function.__code__.co_filename).is_file()
    # Numba asks for the place when it is told to cache a function: other functions of the process keep theirs.
    before = _CONFIG.CACHE_LOCATOR_CLASSES
    _CONFIG.CACHE_LOCATOR_CLASSES = LOCATOR
    try:
        made: Any = numba.njit(cache=in_file, nogil=True, fastmath=False, **options)(function)
    finally:
        _CONFIG.CACHE_LOCATOR_CLASSES = before
    if not _CONFIG.DISABLE_JIT:  # else it is the function itself
        # Numba has no option for it: it compiles a kernel anew for each number that stands where it is called from another.
        made.get_call_template = partial(_call_template, made.get_call_template)
    return made


def _call_template(typed: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Types a kernel is called with by another: of a number its type, not the very number."""
    return typed(
        [_TYPES.unliteral(kind) for kind in arguments], {k: _TYPES.unliteral(kind) for k, kind in named.items()}
    )


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
    return _compile(function, no_cfunc_wrapper=True, _nrt=False, forceinline=True, no_cpython_wrapper=True)


def guarded_kernel(function: Callable[..., Any], *, lean: bool = False) -> Any:
    """Compile a function that someone else wrote: like `kernel`, but a wrong index or a division by zero raises.

    Without it a wrong index reads, or writes, memory of something else. A negative index counts from the end, as in NumPy.
    ``lean`` is as in `lean_kernel`.
    """
    return _compile(function, error_model="python", boundscheck=True, **({"_nrt": False} if lean else {}))
