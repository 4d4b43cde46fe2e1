"""Which bars stand out: for every bar whether the one ``width`` bars before it is above (below) all since.

The extreme of a window is found by doubling: of 2 values from 1, of 4 from 2, and so on, each pass over a whole block. That is
a handful of passes even for a wide window, and each is a plain loop without a branch that the compiler vectorizes.
"""

from __future__ import annotations

from engines.bars import FloatArray
from engines.kernel import lean_kernel
from engines.structure.rows import FlagArray


@lean_kernel
def _pairwise_greatest(left: FloatArray, right: FloatArray, out: FloatArray) -> None:
    for j in range(out.shape[0]):
        a, b = left[j], right[j]
        out[j] = a if a > b else b


@lean_kernel
def _flag_standing_out(pivot: FloatArray, left: FloatArray, right: FloatArray, flag: int, flags: FlagArray) -> None:
    for j in range(flags.shape[0]):
        flags[j] |= ((pivot[j] > left[j]) & (pivot[j] > right[j])) * flag


@lean_kernel
def flag_pivots(
    values: FloatArray, width: int, flag: int, flags: FlagArray, spare: FloatArray, other: FloatArray
) -> None:
    """Set ``flag`` for every bar at which the value ``width`` bars ago is greater than all since.

    Parameters
    ----------
    values : ndarray of float64, shape (width + n,)
        The ``width`` bars before the block, -inf where there were none, and the block. Negated lows for pivots below.
    width : int
    flag : int
        A power of two.
    flags : ndarray of uint8, shape (n,)
        Changed in place.
    spare, other : ndarray of float64
        Room of at least ``width + n``.
    """
    whole = values.shape[0]
    count = whole - width
    # ``reached[j]`` is the greatest of the ``span`` values up to ``j``, from ``j = span - 1`` on.
    reached, following, unused = values, spare, other
    span = 1
    while 2 * span <= width:
        _pairwise_greatest(reached[span:whole], reached[: whole - span], following[span:whole])
        reached, following, unused = following, unused, following
        span *= 2
    rest = width - span
    _flag_standing_out(values[:count], reached[width:whole], reached[width - rest : whole - rest], flag, flags)
