"""Web Push: browsers that subscribed, and encrypted messages to them (RFC 8030, 8188, 8291, 8292)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.alerts import gate
from api.delivery.channels import Channel, Gone, Job, Limits, Outcome, Retry, Sent, Settled
from api.dependencies import Context
from api.mails.message import sender_of
from api.outbox import Topic
from api.security.outbound import Outbound, Refused, Reply, Unreachable
from api.security.vault import BadSeal, Vault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

MOST_BROWSERS = 20
_PURPOSE = "push-subscription"
_KEY_PURPOSE = "web-push-key"
# The order of the curve P-256.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_TOKEN_LIVES = timedelta(hours=12)
_KEPT_S = 12 * 3_600
_LONGEST_TITLE, _LONGEST_TEXT = 120, 600
_LONGEST_PAUSE_S = 86_400


class BadSubscription(ValueError):
    """Not the keys of a browser."""


@dataclass(frozen=True)
class Browser:
    """Where a browser takes messages, and the keys it takes them under.

    Attributes
    ----------
    endpoint : str
    receiver : bytes
        Public key, 65 bytes.
    secret : bytes
        16 bytes.
    """

    endpoint: str
    receiver: bytes
    secret: bytes

    @classmethod
    def parse(cls, endpoint: str, p256dh: str, auth: str) -> Browser:
        """Read what the Push API of a browser gives.

        Raises
        ------
        BadSubscription
            If a key is not one.
        """
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

        receiver, secret = _decode(p256dh), _decode(auth)
        if len(secret) != 16:
            raise BadSubscription("auth is not 16 bytes in base64url")
        try:
            if len(receiver) != 65:
                raise ValueError
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), receiver)
        except ValueError:
            raise BadSubscription("p256dh is not a public key of P-256 in base64url") from None
        return cls(endpoint, receiver, secret)

    def sealed(self, vault: Vault) -> bytes:
        """Seal it for the database."""
        stored = {"endpoint": self.endpoint, "receiver": _encode(self.receiver), "secret": _encode(self.secret)}
        return vault.seal(orjson.dumps(stored), _PURPOSE)

    @classmethod
    def opened(cls, sealed: bytes, vault: Vault) -> Browser:
        """Read a sealed one."""
        stored = orjson.loads(vault.open(sealed, _PURPOSE))
        return cls(stored["endpoint"], _decode(stored["receiver"]), _decode(stored["secret"]))


def _decode(value: str) -> bytes:
    try:
        return base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadSubscription("a key is not base64url") from None


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@lru_cache(maxsize=8)
def _server_key(seed: bytes) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

    # More bytes than the order has, so that no key is likelier than another.
    return derive_private_key(int.from_bytes(seed, "big") % (_ORDER - 1) + 1, SECP256R1())


def server_key(vault: Vault) -> EllipticCurvePrivateKey:
    """Key that browsers know this instance by; the same on every replica, for as long as the secret key is."""
    return _server_key(vault.derive(_KEY_PURPOSE, 48))


def public_key(vault: Vault) -> str:
    """Public half, as ``PushManager.subscribe`` takes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = server_key(vault).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return _encode(point)


def endpoint_digest(endpoint: str) -> bytes:
    """What an endpoint is recognised by without being told."""
    return hashlib.sha256(endpoint.encode()).digest()


def subscribe(session: Session, vault: Vault, user_id: str, browser: Browser, label: str, now: datetime) -> str | None:
    """Remember a browser; None if the person has as many as there may be.

    A browser that subscribes again, also for somebody else who signed in there, is his from then on.
    """
    connection = session.connection()
    connection.execute(text("SELECT FROM serving.users WHERE user_id = :user FOR UPDATE"), {"user": user_id})
    digest = endpoint_digest(browser.endpoint)
    others = connection.execute(
        text("SELECT count(*) FROM serving.push_subscriptions WHERE user_id = :user AND endpoint_digest <> :digest"),
        {"user": user_id, "digest": digest},
    ).scalar_one()
    if others >= MOST_BROWSERS:
        return None
    made = connection.execute(
        text(
            "INSERT INTO serving.push_subscriptions (subscription_id, user_id, endpoint_digest, sealed, label, created_at) "
            "VALUES (:id, :user, :digest, :sealed, :label, :now) ON CONFLICT (endpoint_digest) DO UPDATE "
            "SET user_id = excluded.user_id, sealed = excluded.sealed, label = excluded.label, "
            "created_at = excluded.created_at RETURNING subscription_id::text"
        ),
        {
            "id": str(uuid4()),
            "user": user_id,
            "digest": digest,
            "sealed": browser.sealed(vault),
            "label": label,
            "now": now,
        },
    )
    return made.scalar_one()


class PushChannel(Channel):
    """Sends to browsers, by way of their makers' push services.

    Parameters
    ----------
    context : Context
    outbound : Outbound, optional
        Guarded by the settings if not given: whoever subscribes names the address.
    """

    topic = Topic.PUSH
    limits = Limits(total=32, per_destination=1, timeout_s=25)

    def __init__(self, context: Context, outbound: Outbound | None = None) -> None:
        self._context = context
        self._outbound = outbound or Outbound(context.settings.webhook_allow_private)

    @classmethod
    def make(cls, context: Context) -> PushChannel | None:
        """Make the channel; None without a secret key, which its own key is made from."""
        return None if context.settings.secret_key is None else cls(context)

    async def send(self, job: Job) -> Outcome:
        """Make one attempt."""
        now = self._context.clock()
        found = await self._context.stores.in_session(lambda session: self._browser(session, job, now))
        if not isinstance(found, Browser):
            return found
        try:
            headers = self._headers(found, now)
            reply = await self._outbound.post(found.endpoint, headers, encrypted(found, _message(job.payload)))
        except Refused as error:
            return Gone(str(error), _REMOVE)
        except Unreachable as error:
            return Retry(f"the push service: {error}")
        return judged(reply)

    def _browser(self, session: Session, job: Job, now: datetime) -> Browser | Outcome:
        notice = gate.Notice.of(job.payload)
        if notice is None:
            return Gone("not an alert")
        held = gate.check(session, notice, now)
        if held is not None:
            return held
        sealed = (
            session.connection()
            .execute(
                text("SELECT sealed FROM serving.push_subscriptions WHERE subscription_id = :id AND user_id = :user"),
                {"id": job.payload["subscription_id"], "user": notice.user_id},
            )
            .scalar_one_or_none()
        )
        if sealed is None:
            return Gone("the browser is no longer subscribed")
        try:
            return Browser.opened(bytes(sealed), self._context.vault)
        except BadSeal as error:
            return Gone(str(error), _REMOVE)

    def _headers(self, browser: Browser, now: datetime) -> dict[str, str]:
        import jwt

        target = self._outbound.check(browser.endpoint)
        claims = {
            "aud": f"{target.scheme}://{target.authority}",
            "exp": int((now + _TOKEN_LIVES).timestamp()),
            "sub": f"mailto:{sender_of(self._context.settings)}",
        }
        vault = self._context.vault
        token = jwt.encode(claims, server_key(vault), algorithm="ES256")
        return {
            "Authorization": f"vapid t={token}, k={public_key(vault)}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_KEPT_S),
            "Urgency": "high",
        }

    def settle(self, session: Session, settled: Settled) -> None:
        """Write the history; a browser that is gone is forgotten."""
        gate.settle(session, settled)
        if isinstance(settled.outcome, Gone) and settled.outcome.record == _REMOVE:
            session.connection().execute(
                text("DELETE FROM serving.push_subscriptions WHERE subscription_id = :id"),
                {"id": settled.job.payload["subscription_id"]},
            )


_REMOVE = "remove the subscription"


def _message(payload: Any) -> bytes:
    alert = payload["alert"]
    return orjson.dumps(
        {
            "title": str(payload["title"])[:_LONGEST_TITLE],
            "body": str(payload["text"])[:_LONGEST_TEXT],
            "alert_id": alert["alert_id"],
            # The same at every attempt: a browser shows it once.
            "tag": f"{alert['firing_id']}",
        }
    )


def encrypted(browser: Browser, message: bytes) -> bytes:
    """Encrypt a message so that only the browser can read it, with a key of its own each time."""
    import http_ece
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    return http_ece.encrypt(
        message,
        private_key=generate_private_key(SECP256R1()),
        dh=browser.receiver,
        auth_secret=browser.secret,
        version="aes128gcm",
    )


def judged(reply: Reply) -> Outcome:
    """Tell from a push service's answer whether to try again."""
    if 200 <= reply.status < 300:
        return Sent()
    reason = f"the push service answered {reply.status}"
    if reply.status in (404, 410):
        return Gone(reason, _REMOVE)
    if reply.status in (400, 413):
        return Gone(reason)
    asked = reply.headers.get("retry-after", "").strip()
    known = asked.isascii() and asked.isdecimal() and len(asked) <= 6
    pause = timedelta(seconds=min(int(asked), _LONGEST_PAUSE_S)) if known else None
    return Retry(reason, pause)
