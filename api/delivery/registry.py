"""Which channel sends which topic, and which duties a worker has. Parts that send or look after something add a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from api.accounts import cleaning
from api.alerts import matching, telegram
from api.alerts.push import PushChannel
from api.alerts.telegram import TelegramChannel
from api.billing.due import advance_due
from api.delivery import housekeeping
from api.delivery.channels import Channel
from api.delivery.duties import Duty
from api.delivery.fan_out import fan_out
from api.delivery.webhook_channel import WebhookChannel
from api.dependencies import Context
from api.mails.channel import MailChannel
from api.outbox import Topic
from api.streams.log import CHANNEL as SIGNAL_EVENTS
from api.streams.relay import Relay
from api.users import deletion


def channels(context: Context) -> Mapping[Topic, Channel]:
    """Make the channels of a worker. Messages of a topic without one wait."""
    made: list[Channel] = []
    for make in _CHANNELS:
        channel = make(context)
        if channel is not None:
            made.append(channel)
    return {channel.topic: channel for channel in made}


def duties() -> tuple[Duty, ...]:
    """List the periodic duties."""
    return _DUTIES


_CHANNELS: tuple[Callable[[Context], Channel | None], ...] = (
    WebhookChannel,
    MailChannel.make,
    TelegramChannel.make,
    PushChannel.make,
)
"""Each makes a channel, or None if the instance is not set up for it."""

_DUTIES: tuple[Duty, ...] = (
    Duty("signal relay", timedelta(seconds=1), Relay().step, wakes=(SIGNAL_EVENTS,)),
    Duty("webhook fan-out", timedelta(seconds=2), fan_out, wakes=(SIGNAL_EVENTS,)),
    Duty("subscriptions", timedelta(minutes=1), advance_due),
    Duty("dead letters", timedelta(minutes=1), housekeeping.bury),
    Duty("cleaning", timedelta(minutes=10), housekeeping.clean),
    Duty("expired sign-ins", timedelta(minutes=10), cleaning.tidy),
    Duty("deletion of accounts", timedelta(minutes=5), deletion.purge),
    *matching.DUTIES,
    telegram.DUTY,
    Duty("queue lengths", timedelta(seconds=15), housekeeping.measure),
)
