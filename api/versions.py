"""Versions of what people change: shown as ``ETag``, sent back as ``If-Match``, so that no change is lost unseen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Header
from starlette.responses import Response

from api.problems import Problem, invalid
from api.replies import json_reply

_TAG = re.compile(r'(?:W/)?"?(\d{1,9})"?', re.ASCII)


def versioned(shown: Mapping[str, Any]) -> Response:
    """Write something that has a ``version`` as JSON, with its tag."""
    reply = json_reply(shown)
    reply.headers["ETag"] = f'"{shown["version"]}"'
    return reply


def check_version(known: int, expected: int | None) -> None:
    """Make sure that a caller knows the newest version of what he changes; held by the caller's transaction.

    Raises
    ------
    Problem
        ``precondition-failed`` if it was changed since.
    """
    if expected is not None and known != expected:
        raise Problem("precondition-failed", f"this is at version {known}, not {expected}; read it and try again")


def _expected(
    if_match: Annotated[
        str | None,
        Header(max_length=40, description="`ETag` of it as you know it; refused if it changed since."),
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    form = _TAG.fullmatch(if_match.strip())
    if form is None:
        raise invalid("If-Match", "send the ETag of what you read")
    return int(form[1])


ExpectedVersion = Annotated[int | None, Depends(_expected)]
"""Version the caller says he knows; None if he says nothing."""
