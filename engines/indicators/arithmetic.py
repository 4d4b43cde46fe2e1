"""The fused multiply-add of IEEE 754: one rounding where two operations have two, and one instruction."""

from __future__ import annotations

from typing import Any

import numba
from numba.core import types
from numba.extending import intrinsic


def _fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once: the same bits on every machine, also where the processor has no instruction for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


def _in_two(a: float, b: float, c: float) -> float:
    return a * b + c


# Where NUMBA_DISABLE_JIT lets kernels run as plain functions, to debug them, there is nothing to fuse.
fused: Any = _in_two if vars(numba)["config"].DISABLE_JIT else intrinsic(_fused)
