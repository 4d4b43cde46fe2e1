"""Writes mails. One text a mail and language; the HTML is made of it, so the two never say different things.

A text is a subject line, an empty line, and paragraphs. ``{name}`` stands for a value, ``-> Label: /path`` for a link
into the platform. Nothing is loaded from the network: no picture, no font, no tracking.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

_FOLDER = Path(__file__).parent
_DEFAULT_LOCALE = "en"
_VALUE = re.compile(r"\{([a-z_]+)\}")
_LINK = re.compile(r"-> (?P<label>[^:]+): (?P<path>/\S*)")
_SUBJECT = "Subject: "
_PAGE = """<!doctype html>
<html lang="{lang}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body style="margin:0;padding:24px;font-family:sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;background:#fff">
<div style="max-width:36em;margin:0 auto">
{body}
</div>
</body>
</html>
"""


class MissingValue(KeyError):
    """A mail names something it was not given."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Rendered:
    """A written mail."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class _Source:
    locale: str
    subject: str
    paragraphs: tuple[str, ...]


@lru_cache(maxsize=256)
def _source(template: str, locale: str) -> _Source:
    # A locale names a folder: whatever is no plain tag, or has no folder, gets the default.
    language = locale.split("-")[0].lower()
    wanted = language if re.fullmatch(r"[a-z]{2,3}", language) else _DEFAULT_LOCALE
    path = _FOLDER / wanted / f"{template}.txt"
    if not path.is_file():
        wanted, path = _DEFAULT_LOCALE, _FOLDER / _DEFAULT_LOCALE / f"{template}.txt"
    head, _, body = path.read_text("utf-8").partition("\n\n")
    return _Source(wanted, head.removeprefix(_SUBJECT).strip(), tuple(body.strip().split("\n\n")))


def names(template: str, locale: str = _DEFAULT_LOCALE) -> frozenset[str]:
    """Names of the values a mail needs."""
    source = _source(template, locale)
    return frozenset(_VALUE.findall("\n".join((source.subject, *source.paragraphs))))


def check(template: str, context: Mapping[str, Any], locale: str = _DEFAULT_LOCALE) -> None:
    """Make sure that a mail is given all it names.

    Raises
    ------
    MissingValue
        If not.
    """
    missing = sorted(name for name in names(template, locale) if context.get(name) is None)
    if missing:
        raise MissingValue(f"the mail {template} needs {', '.join(missing)}")


def render(template: str, context: Mapping[str, Any], *, public_url: str, locale: str = _DEFAULT_LOCALE) -> Rendered:
    """Write a mail.

    Parameters
    ----------
    template : str
        Name of its text.
    context : mapping
        Values by name; more than the text names is fine.
    public_url : str
        What links begin with.
    locale : str
        Tag of the reader's language; English where there is no text in it.

    Raises
    ------
    MissingValue
        If a value is missing.
    """
    check(template, context, locale)
    source = _source(template, locale)
    values = {name: _shown(context[name]) for name in names(template, locale)}
    base = public_url.rstrip("/")
    texts: list[str] = []
    pages: list[str] = []
    for paragraph in source.paragraphs:
        link = _LINK.fullmatch(paragraph)
        if link is not None:
            path = _fill(link["path"], {name: quote(value, safe="") for name, value in values.items()})
            label = _fill(link["label"], values)
            texts.append(f"{label}:\n{base}{path}")
            pages.append(f'<p><a href="{html.escape(base + path)}">{html.escape(label)}</a></p>')
        else:
            filled = _fill(paragraph, values)
            texts.append(filled)
            pages.append(f"<p>{html.escape(filled).replace(chr(10), '<br>')}</p>")
    # One line, whatever a value holds: a line break would begin another header.
    subject = " ".join(_fill(source.subject, values).split())
    page = _PAGE.format(lang=source.locale, title=html.escape(subject), body="\n".join(pages))
    return Rendered(subject, "\n\n".join(texts) + "\n", page)


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _VALUE.sub(lambda match: values[match[1]], text)


def _shown(value: object) -> str:
    if isinstance(value, str):
        # Instants travel through the outbox as text.
        value = _instant(value) or value
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return str(value)


def _instant(value: str) -> datetime | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None
