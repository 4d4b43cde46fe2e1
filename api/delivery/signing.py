"""Secrets and signatures of webhooks, as Standard Webhooks has them: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Make a secret: ``whsec_`` and 256 random bits."""
    return PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()


def signed_headers(message_id: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Make the headers of one attempt, signed with every secret that is good now.

    Parameters
    ----------
    message_id : str
    at : datetime
        Of this attempt: receivers refuse what is older than a few minutes.
    body : bytes
    secrets : sequence of str
        The newest first.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime.fromtimestamp(1614265330, UTC)
    >>> secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    >>> signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [secret])["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    stamp = str(int(at.timestamp()))
    signed = b".".join([message_id.encode(), stamp.encode(), body])
    signatures = [base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook's secret is whsec_ and base64") from None
