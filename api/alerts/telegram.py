"""Telegram: messages to linked chats, and the linking of chats by a code that is good once."""

from __future__ import annotations

import hashlib
import html
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlmodel import Session

from api.alerts import gate
from api.alerts.sources import move
from api.delivery.channels import Channel, Gone, Job, Limits, Outcome, Retry, Sent, Settled
from api.delivery.duties import Duty
from api.dependencies import Context
from api.outbox import Topic, enqueue
from stores.settings import Settings

if TYPE_CHECKING:
    import httpx

CODE_LIVES = timedelta(minutes=10)
_CURSOR = "telegram"
_LONGEST_TITLE, _LONGEST_TEXT = 300, 3_000
_TIMEOUT_S = 10.0
_POLL_TIMEOUT_S = 4.0
_GONE_REASONS = ("chat not found", "user is deactivated", "bot was blocked", "bot was kicked")
_LONGEST_PAUSE_S = 3_600


class TelegramError(RuntimeError):
    """The Bot API did not answer as it should. Never says the token."""


def _address(settings: Settings, method: str) -> str:
    token = settings.telegram_token
    if token is None:
        raise TelegramError("CAP_TELEGRAM_TOKEN is not set")
    return f"{settings.telegram_api_url.rstrip('/')}/bot{token.get_secret_value()}/{method}"


class TelegramChannel(Channel):
    """Writes to linked chats.

    Parameters
    ----------
    context : Context
    """

    topic = Topic.TELEGRAM
    # The Bot API takes about thirty messages a second, one of them to a chat.
    limits = Limits(total=16, per_destination=1, timeout_s=_TIMEOUT_S + 10)

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client: httpx.AsyncClient | None = None

    @classmethod
    def make(cls, context: Context) -> TelegramChannel | None:
        """Make the channel; None without a token: messages wait for one."""
        return None if context.settings.telegram_token is None else cls(context)

    async def send(self, job: Job) -> Outcome:
        """Make one attempt."""
        import httpx

        now = self._context.clock()
        found = await self._context.stores.in_session(lambda session: self._chat(session, job, now))
        if not isinstance(found, int):
            return found
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=False)
        body = {
            "chat_id": found,
            "text": message_of(str(job.payload["title"]), str(job.payload["text"])),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        try:
            reply = await self._client.post(_address(self._context.settings, "sendMessage"), json=body)
        except httpx.HTTPError as error:
            # Their texts may hold the address, and with it the token.
            return Retry(f"the Bot API cannot be reached ({type(error).__name__})")
        return judged(reply.status_code, _content(reply))

    def _chat(self, session: Session, job: Job, now: datetime) -> int | Outcome:
        notice = gate.Notice.of(job.payload)
        if notice is None:
            return int(job.payload["chat_id"])
        held = gate.check(session, notice, now)
        if held is not None:
            return held
        chat = session.connection().execute(
            text("SELECT chat_id FROM serving.telegram_links WHERE user_id = :user"), {"user": notice.user_id}
        )
        return chat.scalar_one_or_none() or Gone("no Telegram chat is linked")

    def settle(self, session: Session, settled: Settled) -> None:
        """Write the history; a chat that cannot be written to any more is no longer linked."""
        gate.settle(session, settled)
        if isinstance(settled.outcome, Gone) and settled.outcome.record == _UNREACHABLE:
            unlink_chat(session, int(settled.job.destination))

    async def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            await self._client.aclose()


_UNREACHABLE = "unreachable chat"


def message_of(title: str, body: str) -> str:
    """Write a message: what it says is text, whatever it holds."""
    return f"<b>{html.escape(title[:_LONGEST_TITLE])}</b>\n{html.escape(body[:_LONGEST_TEXT])}"


def _content(reply: httpx.Response) -> Mapping[str, Any]:
    try:
        content = reply.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def judged(status: int, content: Mapping[str, Any]) -> Outcome:
    """Tell from an answer of the Bot API whether to try again."""
    if status == 200 and content.get("ok") is True:
        return Sent()
    said = " ".join(str(content.get("description", "")).split())[:200]
    reason = f"the Bot API answered {status} {said}".rstrip()
    if status == 429:
        parameters = content.get("parameters")
        asked = parameters.get("retry_after") if isinstance(parameters, dict) else None
        pause = min(asked, _LONGEST_PAUSE_S) if isinstance(asked, int) and asked > 0 else None
        return Retry(reason, None if pause is None else timedelta(seconds=pause))
    if status in (400, 403):
        lost = status == 403 or any(known in said.lower() for known in _GONE_REASONS)
        return Gone(reason, _UNREACHABLE if lost else None)
    # 401 and 404 mean a wrong token: somebody has to set the right one, and the message waits for that.
    return Retry(reason)


# -- linking ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LinkCode:
    """A code that links the chat it is sent from."""

    code: str
    expires_at: datetime


def new_code(session: Session, user_id: str, now: datetime) -> LinkCode:
    """Make a code; the ones before are no longer good."""
    code = secrets.token_urlsafe(16)
    made = LinkCode(code, now + CODE_LIVES)
    connection = session.connection()
    connection.execute(
        text("DELETE FROM serving.telegram_codes WHERE user_id = :user OR expires_at <= :now"),
        {"user": user_id, "now": now},
    )
    connection.execute(
        text("INSERT INTO serving.telegram_codes (digest, user_id, expires_at) VALUES (:digest, :user, :expires)"),
        {"digest": _digest(code), "user": user_id, "expires": made.expires_at},
    )
    return made


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def link(session: Session, code: str, chat_id: int, name: str, now: datetime) -> bool:
    """Link a chat by a code; whether the code was good. It is not good again."""
    connection = session.connection()
    user = connection.execute(
        text("DELETE FROM serving.telegram_codes WHERE digest = :digest AND expires_at > :now RETURNING user_id::text"),
        {"digest": _digest(code), "now": now},
    ).scalar_one_or_none()
    if user is None:
        return False
    connection.execute(
        text(
            "INSERT INTO serving.telegram_links (user_id, chat_id, name, linked_at) VALUES (:user, :chat, :name, :now) "
            "ON CONFLICT (user_id) DO UPDATE SET chat_id = excluded.chat_id, name = excluded.name, "
            "linked_at = excluded.linked_at"
        ),
        {"user": user, "chat": chat_id, "name": name[:100], "now": now},
    )
    return True


def unlink_chat(session: Session, chat_id: int) -> int:
    """Forget a chat; returns how many people had linked it."""
    gone = session.connection().execute(
        text("DELETE FROM serving.telegram_links WHERE chat_id = :chat"), {"chat": chat_id}
    )
    return gone.rowcount


def take_updates(context: Context, session: Session) -> bool:
    """Read what was written to the bot since the last time; returns whether there may be more.

    Updates, links and the position are committed together; what was read and not committed is given again.
    """
    import httpx

    if context.settings.telegram_token is None:
        return False
    position = session.connection().execute(
        text("SELECT position FROM serving.alert_cursors WHERE name = :name FOR UPDATE"), {"name": _CURSOR}
    )
    offset = (position.scalar_one_or_none() or 0) + 1
    try:
        reply = httpx.post(
            _address(context.settings, "getUpdates"),
            json={"offset": offset, "limit": 100, "timeout": 0, "allowed_updates": ["message", "my_chat_member"]},
            timeout=_POLL_TIMEOUT_S,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise TelegramError(f"the Bot API cannot be reached ({type(error).__name__})") from None
    content = _content(reply)
    updates = content.get("result")
    if reply.status_code != 200 or not isinstance(updates, list):
        raise TelegramError(f"the Bot API answered {reply.status_code}")
    for update in updates:
        _take(session, update, context.clock())
        move(session, _CURSOR, int(update["update_id"]))
    return len(updates) == 100


def _take(session: Session, update: Mapping[str, Any], now: datetime) -> None:
    left = update.get("my_chat_member")
    if left is not None:
        if left["new_chat_member"]["status"] in ("kicked", "left"):
            unlink_chat(session, int(left["chat"]["id"]))
        return
    message = update.get("message") or {}
    chat = message.get("chat") or {}
    words = str(message.get("text", "")).split()
    # In a group others would read what is somebody's own.
    if chat.get("type") != "private" or not words:
        return
    chat_id = int(chat["id"])
    match words:
        case ["/start", code]:
            name = str(chat.get("username") or chat.get("first_name") or "")
            linked = link(session, code, chat_id, name, now)
            said = _LINKED if linked else _BAD_CODE
        case ["/stop"]:
            said = _UNLINKED if unlink_chat(session, chat_id) else _NOT_LINKED
        case _:
            said = _HELP
    payload = {"chat_id": chat_id, "title": said[0], "text": said[1]}
    enqueue(
        session,
        Topic.TELEGRAM,
        payload,
        key=f"reply:{update['update_id']}",
        now=now,
        destination=str(chat_id),
    )


_LINKED = ("Linked", "Alerts of your account come here from now on. Write /stop to end that.")
_BAD_CODE = ("This code is not good", "A code works once, for ten minutes. Ask for a new one where you got it.")
_UNLINKED = ("Unlinked", "No more alerts come here.")
_NOT_LINKED = ("Not linked", "No account is linked to this chat.")
_HELP = ("Alerts", "Ask for a code in your account, then write /start and the code here.")

DUTY = Duty("telegram updates", timedelta(seconds=2), take_updates)
