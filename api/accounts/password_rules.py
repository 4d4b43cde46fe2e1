"""Which passwords are taken: long ones that nobody would guess first. What they are composed of does not matter."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from api.problems import invalid

SHORTEST, LONGEST = 12, 128

_COMMON = Path(__file__).with_name("common_passwords.txt")
_FEW = 8
_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_SHORT_PATTERN = re.compile(r"(.{1,4}?)\1+.{0,3}", re.DOTALL)
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)
_CONTEXT = re.compile("crypto|analytics|platform|bitcoin|ethereum|trading|trader|signals?|password")
"""Words everybody thinks of here; what is left without them has to be worth something."""


def check_password(password: str, email: str, field: str = "password") -> None:
    """Refuse a password that would be guessed.

    Parameters
    ----------
    password : str
    email : str
        Of the person who chooses it.
    field : str
        What the request calls it.

    Raises
    ------
    Problem
        If it is too short, too long, common, or the address itself.
    """
    reason = _weakness(password, email)
    if reason is not None:
        raise invalid(field, reason)


def _weakness(password: str, email: str) -> str | None:
    if not SHORTEST <= len(password) <= LONGEST:
        return f"choose {SHORTEST} to {LONGEST} characters; a few words in a row are easy to remember"
    lowered = password.lower()
    address = email.lower()
    core = _core(lowered)
    if not {lowered, core}.isdisjoint((address, address.partition("@")[0])):
        return "choose something else than your address"
    common = _common()
    if not common.isdisjoint((lowered, core, core.replace(" ", ""))) or _is_context(lowered):
        return "it is among the passwords that are tried first; choose another one"
    if _SHORT_PATTERN.fullmatch(lowered) or any(lowered in run or lowered in run[::-1] for run in _RUNS):
        return "it repeats one pattern; choose another one"
    return None


def _core(lowered: str) -> str:
    """Take off a few digits and signs at the ends, as in ``password123!``; what is mostly such is left as it is."""
    core = _ENDS.sub("", lowered)
    return core if len(core) >= 4 and len(lowered) - len(core) <= _FEW else lowered


def _is_context(lowered: str) -> bool:
    rest = _CONTEXT.sub("", lowered)
    return rest != lowered and len(rest) <= _FEW and len(_ENDS.sub("", rest)) < 4


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text("utf-8").split())
