"""The page on security names only tests and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_NAMED = sorted(set(re.findall(r"`([^`]*?\.py)::(\w+)`", _PAGE)))


def test_the_page_names_tests() -> None:
    assert len(_NAMED) > 60
    assert len(_NAMED) <= _PAGE.count("::")


@pytest.mark.parametrize(("file", "name"), _NAMED)
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    source = (_ROOT / "tests" / file).read_text(encoding="utf-8")
    assert re.search(rf"^(?:async )?def {name}\(", source, re.MULTILINE), f"{file} has no {name}"


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w.]+\.md)", _PAGE))))
def test_a_page_that_is_linked_exists(link: str) -> None:
    assert (_ROOT / "docs" / link).is_file()
