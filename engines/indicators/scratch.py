"""Room on the stack for what the columns of a block share, and where a column is written.

Kernels that allocate cost more for one bar than the bar itself, and scratch arrays kept with the state would be stored with
it. So one block's numbers live on the stack of the kernel that walks the blocks.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir  # pyright: ignore[reportMissingTypeStubs] - it has none
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np import arrayobj

from engines.bars import FloatArray, TimeArray

BLOCK = 128
"""Bars taken through all columns at a time: what they share stays in the first-level cache. A power of two."""

STRIDE = BLOCK + 8
"""Numbers between two scratch rows: a row can begin with the value before the block."""

SCRATCH_ROWS = 20

_SIZE = SCRATCH_ROWS * STRIDE


# Numba says nothing of the types of what code is made with.
_cgutils: Any = cgutils
_arrays: Any = arrayobj


def _stack_scratch(typing_context: Any) -> Any:
    """Uninitialized float64 array of ``SCRATCH_ROWS * STRIDE`` numbers, gone when the calling kernel returns."""
    array = types.Array(types.float64, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def constant(value: int) -> Any:
            return context.get_constant(types.intp, value)

        data = _cgutils.alloca_once(builder, ir.DoubleType(), size=ir.Constant(ir.IntType(64), _SIZE))
        view = _arrays.make_array(array)(context, builder)
        shape, strides = [constant(_SIZE)], [constant(8)]
        _arrays.populate_array(view, data=data, shape=shape, strides=strides, itemsize=constant(8), meminfo=None)
        return view._getvalue()

    return array(), generate


stack_scratch: Any = intrinsic(_stack_scratch)

# Inlined before types are known, because a kernel that does not count references may not return a view.
_inlined: Any = numba.njit(inline="always")


@_inlined
def target(out: FloatArray, row: int, first: int, end: int, spare: FloatArray) -> FloatArray:
    """Where a column's values of bars ``[first, end)`` go: its row of ``out``, or ``spare`` if it is not wanted (-1)."""
    if row >= 0:
        return out[row, first:end]
    return spare[: end - first]


@_inlined
def scratch_row(scratch: FloatArray, row: int, length: int) -> FloatArray:
    """The first ``length`` numbers of a scratch row."""
    return scratch[row * STRIDE : row * STRIDE + length]


@_inlined
def window(windows: FloatArray, begins: TimeArray, which: int) -> FloatArray:
    """One of the windows of the state."""
    return windows[begins[which] : begins[which + 1]]
