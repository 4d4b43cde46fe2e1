"""Views of parts of an array, as a kernel makes them: a pointer and a shape.

A slice does the same and weighs ten times as much in the compiler, for its signs, bounds and steps; the arrays of a state are
taken out of an arena by dozens.
"""
# The builders of numba and llvmlite have no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

BEGIN, LENGTH, LAST, MIDDLE = range(4)
"""Columns of a table of places: where an array begins in its row, its length, its last dimension and the one before."""
_COLUMNS = 4


def _viewer(dimensions: int) -> Callable[[Any, int, Any, int], Any]:
    """Function of kernels that takes an array of so many dimensions out of a row."""

    def view(context: Any, rows: Any, row: Any, table: Any, k: Any) -> Any:
        """Take the array that the ``k``-th line of a table of places tells out of a row.

        Parameters
        ----------
        rows : ndarray, shape (m, width)
            C-contiguous; must outlive the view.
        row : int
        table : ndarray of int64, shape (arrays, 4)
            C-contiguous.
        k : int
        """
        del context
        if not _plain(rows) or not _plain(table):
            return None
        made = types.Array(rows.dtype, dimensions, "C")
        return made(rows, types.int64, table, types.int64), _build

    view.__name__ = f"view_{dimensions}d"
    return cast("Callable[[Any, int, Any, int], Any]", intrinsic(view))


def _plain(kind: Any) -> bool:
    return isinstance(kind, types.Array) and kind.ndim == 2 and kind.layout == "C"


def _build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    rows_type, _, table_type, _ = signature.args
    rows = make_array(rows_type)(context, builder, arguments[0])
    table = make_array(table_type)(context, builder, arguments[2])
    line = builder.mul(arguments[3], ir.Constant(arguments[3].type, _COLUMNS))

    def place(column: int) -> Any:
        at = builder.add(line, ir.Constant(line.type, column))
        return builder.load(builder.gep(table.data, [at]))

    width = cgutils.unpack_tuple(builder, rows.shape)[1]
    data = builder.gep(rows.data, [builder.add(builder.mul(arguments[1], width), place(BEGIN))])
    dimensions = signature.return_type.ndim
    if dimensions == 1:
        shape = [place(LENGTH)]
    else:
        shape = [place(MIDDLE), place(LAST)]
        if dimensions == 3:
            shape.insert(0, builder.sdiv(place(LENGTH), builder.mul(*shape)))
    size = context.get_abi_sizeof(context.get_data_type(rows_type.dtype))
    step = ir.Constant(line.type, size)
    strides: list[Any] = []
    for length in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, length)
    made = make_array(signature.return_type)(context, builder)
    populate_array(made, data=data, shape=shape, strides=strides, itemsize=ir.Constant(line.type, size), meminfo=None)
    return made._getvalue()


VIEWERS = {dimensions: _viewer(dimensions) for dimensions in (1, 2, 3)}
"""Functions of kernels, by number of dimensions: ``view(rows, row, table, k)``."""
