"""A Bot API and a push service of ours, small and strict, for tests of the channels."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.api.receivers import Answer, Received, Receiver

TOKEN = "4711:AAcanary-of-a-bot-token"


def _json(status: int, body: Any) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, orjson.dumps(body))


@dataclass
class Bot:
    """The Bot API: keeps updates until they are confirmed, and messages it was given."""

    receiver: Receiver
    updates: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Answer] = field(default_factory=list)
    """Answers to the next messages, before they are taken again."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}"

    def says(self, chat_id: int, words: str, kind: str = "private") -> None:
        """Somebody writes to the bot."""
        chat = {"id": chat_id, "type": kind, "username": f"user{chat_id}"}
        self._add({"message": {"chat": chat, "text": words}})

    def blocks(self, chat_id: int) -> None:
        """Somebody blocks the bot."""
        self._add({"my_chat_member": {"chat": {"id": chat_id}, "new_chat_member": {"status": "kicked"}}})

    def _add(self, update: dict[str, Any]) -> None:
        self.updates.append({"update_id": 1_000 + self._number, **update})
        self._number += 1

    _number: int = 0

    def answer(self, one: Received) -> Answer:
        if not one.path.startswith(f"/bot{TOKEN}/"):
            return _json(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        body = orjson.loads(one.body)
        if one.path.endswith("/getUpdates"):
            self.updates = [update for update in self.updates if update["update_id"] >= body["offset"]]
            return _json(200, {"ok": True, "result": self.updates[: body["limit"]]})
        if self.refusals:
            return self.refusals.pop(0)
        self.messages.append(body)
        return _json(200, {"ok": True, "result": {}})

    def refuse(self, status: int, description: str, **more: Any) -> None:
        """Refuse one message."""
        self.refusals.append(_json(status, {"ok": False, "error_code": status, "description": description, **more}))


@contextmanager
def bot() -> Iterator[Bot]:
    """Run a Bot API."""
    with Receiver() as receiver:
        made = Bot(receiver)
        receiver.answer = made.answer
        yield made


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@dataclass
class PushService:
    """A push service with one browser behind it: it reads what only the browser could, and checks who sent it."""

    receiver: Receiver
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    auth: bytes = b"0123456789abcdef"
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    senders: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    trusted: str = ""
    """``applicationServerKey`` the browser subscribed with."""

    def subscription(self, name: str = "one") -> dict[str, Any]:
        """What the browser's ``PushSubscription.toJSON()`` gives."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": f"http://127.0.0.1:{self.receiver.port}/push/{name}",
            "keys": {"p256dh": _text(point), "auth": _text(self.auth)},
        }

    def answer(self, one: Received) -> Answer:
        scheme, _, rest = one.headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        if scheme != "vapid" or parts["k"] != self.trusted:
            return Answer(403)
        public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _bytes(parts["k"]))
        audience = f"http://127.0.0.1:{self.receiver.port}"
        # Whether it has expired is by the clock of the test.
        claims = jwt.decode(parts["t"], public, algorithms=["ES256"], audience=audience, options={"verify_exp": False})
        if one.headers["content-encoding"] != "aes128gcm" or not one.headers["ttl"].isdigit():
            return Answer(400)
        self.senders.append(claims)
        if self.status < 300:
            self.sizes.append(len(one.body))
            read = http_ece.decrypt(one.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
            self.messages.append(orjson.loads(read))
        return Answer(self.status, self.headers)


@contextmanager
def push_service() -> Iterator[PushService]:
    """Run a push service."""
    with Receiver() as receiver:
        made = PushService(receiver)
        receiver.answer = made.answer
        yield made
