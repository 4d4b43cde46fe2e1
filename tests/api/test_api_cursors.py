"""Cursors: what was written comes back, anything else is refused."""

from __future__ import annotations

import base64
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pagination import MAX_CURSOR_LENGTH, Cursors
from api.problems import Problem

INTEGERS = st.integers(-(2**53), 2**53)
TEXTS = st.text(st.sampled_from(string.ascii_letters + string.digits + ":_-/."), max_size=80)
FILTERS = st.recursive(st.none() | st.booleans() | INTEGERS | TEXTS, lambda inner: st.lists(inner, max_size=3))


@given(INTEGERS, TEXTS, FILTERS)
def test_a_key_comes_back(number: int, text: str, filters: Any) -> None:
    cursors = Cursors("list", filters, (int, str))
    cursor = cursors.write((number, text))
    assert cursors.read(cursor) == (number, text)
    assert len(cursor) <= MAX_CURSOR_LENGTH
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")


def test_no_cursor_is_no_key() -> None:
    assert Cursors("list", None, (int,)).read(None) is None


@given(st.text(max_size=100))
def test_rubbish_is_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        Cursors("list", None, (int,)).read(text)
    assert caught.value.kind.name == "invalid-cursor"


@given(INTEGERS, st.data())
def test_an_edited_cursor_is_refused(number: int, data: st.DataObject) -> None:
    cursors = Cursors("list", None, (int,))
    cursor = cursors.write((number,))
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Problem):
        cursors.read(base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())


@pytest.mark.parametrize("other", [Cursors("other", [1], (int,)), Cursors("list", [2], (int,))])
def test_a_cursor_of_another_list_or_filter_is_refused(other: Cursors) -> None:
    with pytest.raises(Problem):
        other.read(Cursors("list", [1], (int,)).write((1,)))


@pytest.mark.parametrize(
    "key", [("text",), (1, 2), (), (2**60,), (-(2**60),), (True,), (1.5,)], ids=lambda key: str(key)
)
def test_a_forged_cursor_with_an_odd_key_is_refused(key: Any) -> None:
    """The check can be made by anyone who reads the code; what it protects is only a position."""
    with pytest.raises(Problem):
        Cursors("list", None, (int,)).read(Cursors("list", None, (int,)).write(key))


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "x" * 201, "\x7f"])
def test_a_forged_cursor_with_an_odd_text_is_refused(text: str) -> None:
    cursors = Cursors("list", None, (str,))
    with pytest.raises(Problem):
        cursors.read(cursors.write((text,)))
