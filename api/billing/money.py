"""Sums of money: whole numbers of a currency's smallest unit, never fractions."""

from __future__ import annotations

from datetime import datetime, timedelta

_WITHOUT_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_WITH_THREE = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_MICROSECOND = timedelta(microseconds=1)


def decimals(currency: str) -> int:
    """How many decimals a currency is written with."""
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _WITH_THREE else 2


def shown(amount: int, currency: str) -> str:
    """Write a sum, as in ``29.00 EUR``.

    Examples
    --------
    >>> shown(-2905, "EUR"), shown(500, "JPY")
    ('-29.05 EUR', '500 JPY')
    """
    places = decimals(currency)
    whole, rest = divmod(abs(amount), 10**places)
    number = f"{whole:,}" if places == 0 else f"{whole:,}.{rest:0{places}d}"
    return f"{'-' if amount < 0 else ''}{number} {currency}"


def rounded(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero."""
    quotient, rest = divmod(abs(numerator), denominator)
    quotient += 2 * rest >= denominator
    return quotient if numerator >= 0 else -quotient


def tax_in(gross: int, rate_bp: int) -> int:
    """Tax that a sum with taxes included holds.

    Examples
    --------
    >>> tax_in(11900, 1900)
    1900
    """
    return rounded(gross * rate_bp, 10_000 + rate_bp)


def prorated(price: int, now: datetime, start: datetime, end: datetime) -> int:
    """Part of a period's price that falls on what is left of it."""
    left = end - min(max(now, start), end)
    return rounded(price * (left // _MICROSECOND), (end - start) // _MICROSECOND)
