"""Access tokens: short-lived signed statements of who is signed in by which session.

EdDSA (Ed25519) JSON Web Tokens by RFC 9068; the key pair is derived from the secret key, so every replica has it.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from api.security.vault import Vault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIFETIME = timedelta(minutes=10)
_ISSUER = "crypto-analytics-platform"
_AUDIENCE = "crypto-analytics-platform/api"
_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"
# Machines disagree about the time by this much without anybody noticing.
_SKEW = timedelta(seconds=60)


class BadToken(ValueError):
    """The token is not one of ours, or no longer good."""


@dataclass(frozen=True)
class Claims:
    """What a good token says."""

    user_id: str
    session_id: str
    expires_at: datetime


class AccessTokens:
    """Issues and checks access tokens."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._vault.derive("access-token"))

    @cached_property
    def _public(self) -> Any:
        return self._private.public_key()

    @cached_property
    def _key_id(self) -> str:
        return hashlib.sha256(self._public.public_bytes_raw()).hexdigest()[:16]

    def issue(self, user_id: str, session_id: str, now: datetime) -> str:
        """Make a token for a session."""
        import jwt

        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, self._private, _ALGORITHM, headers={"kid": self._key_id, "typ": _TYPE})

    def check(self, token: str, now: datetime) -> Claims:
        """Read a token.

        The key is ours whatever the header names: ``kid``, ``jku`` and ``alg`` of a token choose nothing here.

        Raises
        ------
        BadToken
            If it is not signed by us, for us, of this kind and of this time.
        """
        import jwt

        try:
            if jwt.get_unverified_header(token).get("typ") != _TYPE:
                raise BadToken("not an access token")
            found: dict[str, Any] = jwt.decode(
                token,
                self._public,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                # Times are judged below, by the clock everything else is judged by.
                options={
                    "require": ["iss", "aud", "sub", "sid", "iat", "exp", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            issued = datetime.fromtimestamp(int(found["iat"]), UTC)
            expires = datetime.fromtimestamp(int(found["exp"]), UTC)
            user_id, session_id = str(uuid.UUID(found["sub"])), str(uuid.UUID(found["sid"]))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, AttributeError) as error:
            raise BadToken("not an access token of this service") from error
        if now >= expires:
            raise BadToken("the access token has expired")
        if issued > now + _SKEW:
            raise BadToken("the access token is from the future")
        return Claims(user_id, session_id, expires)
