"""Sends the mails of the outbox."""

from __future__ import annotations

from datetime import datetime

import anyio
import anyio.to_thread
from sqlalchemy import text
from sqlmodel import Session

from api.alerts import gate, unsubscribe
from api.delivery.channels import Channel, Gone, Job, Later, Limits, Outcome, Retry, Sent, Settled
from api.dependencies import Context
from api.mails.message import BadMail, compose, sender_of
from api.mails.rendering import MissingValue
from api.mails.smtp import MailDeferred, MailRefused, MailServer
from api.outbox import Topic

_CONNECTIONS = 8
_STEP_TIMEOUT_S = 10.0
# A dead letter is kept for people to look at; what it would have let its reader do is not for them.
_FORGET = text("UPDATE serving.outbox SET payload = payload #- '{context,token}' WHERE outbox_id = :id")


class MailChannel(Channel):
    """Hands mails to the mail server of the settings.

    Parameters
    ----------
    context : Context
    """

    topic = Topic.MAIL
    # A conversation has several steps, each with a timeout of its own.
    limits = Limits(total=_CONNECTIONS, per_destination=4, timeout_s=60)

    def __init__(self, context: Context) -> None:
        url = context.settings.smtp_url
        if url is None:
            raise ValueError("there is no mail server; see make")
        self._context = context
        self._server = MailServer.parse(url.get_secret_value())
        self._limiter = anyio.CapacityLimiter(_CONNECTIONS)

    @classmethod
    def make(cls, context: Context) -> MailChannel | None:
        """Make the channel; None without a mail server: mails wait for one."""
        return None if context.settings.smtp_url is None else cls(context)

    async def send(self, job: Job) -> Outcome:
        """Make one attempt."""
        settings, now = self._context.settings, self._context.clock()
        payload = dict(job.payload)
        notice = gate.Notice.of(payload)
        if notice is not None:
            reader = await self._context.stores.in_session(lambda session: _reader(session, notice, now))
            if not isinstance(reader, str):
                return reader
            payload["to"] = reader
            mark = unsubscribe.token(self._context.vault, notice.alert_id)
            payload["unsubscribe"] = f"{unsubscribe.PATH}?token={mark}"
        try:
            message = compose(payload, settings, key=f"{job.topic}:{job.key}", now=now)
        except (MissingValue, BadMail) as error:
            return Gone(str(error))
        recipient = str(payload["to"])

        def hand_over() -> None:
            self._server.send(message, sender_of(settings), recipient, timeout_s=_STEP_TIMEOUT_S)

        try:
            await anyio.to_thread.run_sync(hand_over, limiter=self._limiter, abandon_on_cancel=True)
        except MailRefused as error:
            return Gone(str(error))
        except MailDeferred as error:
            return Retry(str(error))
        return Sent()

    def settle(self, session: Session, settled: Settled) -> None:
        """Write the history of an alert; forget the token of a mail that is given up."""
        gate.settle(session, settled)
        if settled.dead:
            session.connection().execute(_FORGET, {"id": settled.job.outbox_id})


def _reader(session: Session, notice: gate.Notice, now: datetime) -> str | Later | Gone:
    """Address an alert goes to: the one the person has now, which need not be the one he had when it was matched."""
    held = gate.check(session, notice, now)
    if held is not None:
        return held
    address = session.connection().execute(
        text("SELECT email FROM serving.users WHERE user_id = :user AND email_verified_at IS NOT NULL"),
        {"user": notice.user_id},
    )
    return address.scalar_one_or_none() or Gone("the e-mail address is not confirmed")
