"""Opaque cursors for keyset pagination.

A cursor says after which key the next page begins. It holds a position and no right to anything, so it is checked, not
signed: the check ties it to its list and filters, and catches one that was cut, edited or used elsewhere.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, TypeAlias

import orjson
from pydantic import StringConstraints

from api.problems import Problem

Key: TypeAlias = tuple[int | str, ...]
_CHECK_BYTES = 8
_LARGEST = 2**53
_LONGEST = 200
MAX_CURSOR_LENGTH = 512

CursorText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CURSOR_LENGTH)]


class Cursors:
    """Writes and reads the cursors of one list under one set of filters.

    Parameters
    ----------
    list_name : str
    filters : object
        Everything that decides which rows the list holds and in which order; whatever JSON can hold.
    shape : sequence of type
        Types of the parts of a key.
    """

    def __init__(self, list_name: str, filters: object, shape: Sequence[type[int] | type[str]]) -> None:
        self._shape = tuple(shape)
        self._scope = blake2b(orjson.dumps([list_name, filters], default=str), digest_size=32).digest()

    def write(self, key: Key) -> str:
        """Make the cursor that continues after ``key``."""
        position = orjson.dumps(list(key))
        return base64.urlsafe_b64encode(self._check(position) + position).rstrip(b"=").decode()

    def read(self, cursor: str | None) -> Key | None:
        """Find the key a cursor continues after; None for no cursor.

        Raises
        ------
        Problem
            If the cursor is not one that this list made for these filters.
        """
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            check, position = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
            if check != self._check(position):
                raise ValueError
            key = orjson.loads(position)
        except (ValueError, binascii.Error):
            raise _refused() from None
        if not isinstance(key, list) or tuple(type(part) for part in key) != self._shape or not all(map(_sane, key)):
            raise _refused()
        return tuple(key)

    def _check(self, position: bytes) -> bytes:
        return blake2b(position, digest_size=_CHECK_BYTES, key=self._scope).digest()


def _sane(part: int | str) -> bool:
    # The check can be made by anyone who reads this code: what no list would write must not reach a store.
    if isinstance(part, int):
        return abs(part) <= _LARGEST
    return len(part) <= _LONGEST and part.isprintable()


def _refused() -> Problem:
    message = "not a cursor of this list under these filters; leave it out to start from the beginning"
    return Problem("invalid-cursor", f"cursor: {message}", errors=[("cursor", message)])
