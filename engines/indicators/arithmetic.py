"""The fused multiply-add of IEEE 754: one rounding where two operations have two, and one instruction."""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic


def _fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once: the same bits on every machine, also where the processor has no instruction for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


fused: Any = intrinsic(_fused)
