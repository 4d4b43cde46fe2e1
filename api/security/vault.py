"""Keys derived from the one secret key, and values sealed with them."""

from __future__ import annotations

import os
from functools import lru_cache

from stores.settings import Settings

_NONCE_BYTES = 12
_LEAST_KEY_BYTES = 32


class MissingSecretKey(RuntimeError):
    """No secret key is set, or one that is too short."""


class BadSeal(ValueError):
    """A sealed value was altered, or sealed with another key or for another purpose."""


class Vault:
    """Seals values at rest with AES-256-GCM under keys derived by HKDF-SHA-256, one a purpose.

    Parameters
    ----------
    secret_key : str
        At least 32 bytes.

    Raises
    ------
    MissingSecretKey
        If it is shorter.

    Examples
    --------
    >>> vault = Vault("0123456789abcdef" * 2)
    >>> vault.open(vault.seal(b"whsec", "webhook"), "webhook")
    b'whsec'
    """

    def __init__(self, secret_key: str) -> None:
        self._key = secret_key.encode()
        if len(self._key) < _LEAST_KEY_BYTES:
            raise MissingSecretKey(
                f"CAP_SECRET_KEY has {len(self._key)} bytes, at least {_LEAST_KEY_BYTES} are needed; "
                "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        self.derive = lru_cache(maxsize=64)(self._derive)

    @classmethod
    def of(cls, settings: Settings) -> Vault:
        """Make the vault of an instance.

        Raises
        ------
        MissingSecretKey
            If no key is set.
        """
        if settings.secret_key is None:
            raise MissingSecretKey(
                "CAP_SECRET_KEY is not set; accounts need it. 'cap up' makes one in its home folder; elsewhere "
                "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        return cls(settings.secret_key.get_secret_value())

    def _derive(self, purpose: str, length: int = 32) -> bytes:
        """Derive a key for one purpose (RFC 5869)."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), length, salt=None, info=f"cap:{purpose}".encode()).derive(self._key)

    def seal(self, value: bytes, purpose: str) -> bytes:
        """Encrypt and authenticate a value; the same value gives other bytes each time."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.derive(purpose)).encrypt(nonce, value, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Give back what was sealed for this purpose.

        Raises
        ------
        BadSeal
            If it was altered, or sealed with another key or for another purpose.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self.derive(purpose)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError):
            raise BadSeal(f"a sealed {purpose} cannot be opened with this CAP_SECRET_KEY") from None
