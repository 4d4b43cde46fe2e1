"""Takes secrets out of text: those of the settings by their value, those of people by their form.

A second line: no code of ours writes a secret into a log. What libraries and faults write is not in our hands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "[secret]"

_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|refresh_token|access_token|ticket|authorization|cookie|set-cookie|"
    r"api[-_]?key|x-api-key|private[-_]?key|signature|csrf|otp|totp|recovery[-_]?codes?|client_secret|jwt"
)
_SECRET_NAME = re.compile(rf"(?:.*[._-])?(?:{_NAMES})", re.IGNORECASE)
_FORMS = (
    # Of ours: API keys, secrets of webhooks; of others: JSON web tokens, Stripe's keys, tokens of Telegram's bots.
    re.compile(r"\bcap_[0-9A-Za-z]{8}_[0-9A-Za-z_]{16,}"),
    re.compile(r"\bwhsec_[0-9A-Za-z+/=_-]{8,}"),
    re.compile(r"\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?"),
    re.compile(r"\b[srp]k_(?:live|test)_[0-9A-Za-z]{8,}"),
    re.compile(r"\b\d{6,}:[\w-]{30,}"),
    # A header's scheme, and the user and password of a URL.
    re.compile(r"(?<=\bBearer )[^\s\"',;]{4,}|(?<=\bBasic )[0-9A-Za-z+/=]{4,}"),
    re.compile(r"(?<=://)[^/\s:@\"']*:[^/\s@\"']+(?=@)"),
)
_NAMED = re.compile(
    rf"(?i)(\b(?:{_NAMES})(?:\\?[\"'])?\s*(?:=|:|%3D)\s*(?:b?\\?[\"'])?)(?!\[secret\])([^\s\"'&,;)}}\\]{{3,}})"
)
_SHORTEST = 8
# Cheap to look for, and in nearly every text with a secret: all others are not searched at all.
_SUSPICIOUS = re.compile(r"cap_|whsec_|eyJ|k_live_|k_test_|\d{6}:|earer |asic |://|=|:|%3D")


class Redactor:
    """Hides secrets.

    Parameters
    ----------
    secrets : iterable of str
        Values that are known, the longest first.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known = tuple(secrets)

    def text(self, value: str) -> str:
        """Hide every secret in a text.

        >>> Redactor().text("login?token=abcdef failed for Bearer eyJhbGciOi.J9.x")
        'login?token=[secret] failed for Bearer [secret]'
        """
        if len(value) < _SHORTEST:
            return value
        for secret in self._known:
            value = value.replace(secret, HIDDEN)
        if _SUSPICIOUS.search(value) is None:
            return value
        for form in _FORMS:
            value = form.sub(HIDDEN, value)
        return _NAMED.sub(rf"\g<1>{HIDDEN}", value)

    def value(self, value: Any) -> Any:
        """Hide every secret in a value, however deep; what stands under a secret's name is one."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.named(str(key), one) for key, one in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(one) for one in value]
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        return value

    def named(self, name: str, value: Any) -> Any:
        """Hide a value by its name, or what is secret in it."""
        if isinstance(value, (str, bytes)) and value and _names_a_secret(name):
            return HIDDEN
        return self.value(value)


@lru_cache(maxsize=1_024)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.fullmatch(name) is not None
