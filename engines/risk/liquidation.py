"""Where the exchange closes a leveraged position.

Linear (quote-margined) contracts with isolated margin. The exchange closes a position when its margin and its unrealized
profit together no longer cover the maintenance margin:

    ``margin + size * direction * (P - entry) = size * P * rate - amount``

with ``margin = size * entry / leverage``. Solved for ``P`` this is the exchanges' published formula, e.g. Binance, "How to
Calculate Liquidation Price of USDⓈ-M Futures Contracts", with TMM = UPNL = 0 as it states for isolated margin. Fees and
funding, which come out of the margin as they fall due, are left out.
"""

from __future__ import annotations

import math

from engines.errors import BadParameter


def liquidation_price(
    direction: int,
    entry: float,
    leverage: float,
    maintenance_margin_rate: float,
    *,
    size: float = 1.0,
    maintenance_amount: float = 0.0,
) -> float | None:
    """Price at which an isolated position is liquidated.

    Parameters
    ----------
    direction : int
        +1 long, -1 short.
    entry : float
        Price the position was opened at.
    leverage : float
        Value at entry over margin, at least 1.
    maintenance_margin_rate : float
        Part of the position's value that its margin must cover; that of the exchange's tier for this value.
    size : float
        Position size, base asset; matters only with a ``maintenance_amount``.
    maintenance_amount : float
        The tier's deduction from the maintenance margin, quote currency.

    Returns
    -------
    float or None
        None if no price above 0 liquidates it, as for a long without leverage.

    Raises
    ------
    BadParameter
        If a value cannot be.
    """
    if direction not in (-1, 1):
        raise BadParameter(f"direction must be +1 or -1, not {direction!r}")
    for name, value in (("entry", entry), ("size", size)):
        if not (math.isfinite(value) and value > 0.0):
            raise BadParameter(f"{name} must be a finite number above 0, not {value!r}")
    if not (math.isfinite(leverage) and leverage >= 1.0):
        raise BadParameter(f"leverage must be at least 1, not {leverage!r}")
    if not 0.0 <= maintenance_margin_rate < 1.0:
        raise BadParameter(f"maintenance_margin_rate is a fraction of at least 0, not {maintenance_margin_rate!r}")
    price = (entry / leverage + maintenance_amount / size - direction * entry) / (maintenance_margin_rate - direction)
    return price if price > 0.0 else None
