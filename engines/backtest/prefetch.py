"""Tells the processor which bars will be needed.

A loop that goes from signal to signal touches bars far apart, and waits for memory at each. It knows long before which bars come
next, so it asks for them ahead. Nothing but speed depends on it.
"""
# The builders of numba and llvmlite have no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

_READ, _KEEP, _DATA = 0, 3, 1


def _prefetch(context: Any, array: Any, index: Any) -> Any:
    """Ask for the memory of an element.

    Parameters
    ----------
    array : ndarray, shape (n,)
        C-contiguous.
    index : int
        Of an element; not checked.
    """
    del context, index
    if not (isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C"):
        return None
    return types.void(array, types.int64), _build


def _build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind = signature.args[0]
    data: Any = make_array(kind)(context, builder, arguments[0]).data
    place = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
    flag = ir.IntType(32)
    declared = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, flag, flag, flag]),
        "llvm.prefetch.p0i8" if "*" in str(cgutils.voidptr_t) else "llvm.prefetch.p0",
    )
    builder.call(declared, [place, flag(_READ), flag(_KEEP), flag(_DATA)])
    return context.get_dummy_value()


def _nothing(array: Any, index: int) -> None:
    pass


# Where NUMBA_DISABLE_JIT lets kernels run as plain functions, to debug them, there is nothing to ask for.
prefetch = cast("Callable[[Any, int], None]", _nothing if vars(numba)["config"].DISABLE_JIT else intrinsic(_prefetch))
