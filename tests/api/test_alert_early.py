"""Nothing early: what a plan shows late is told late, on every channel, at the boundary and after a downgrade."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.local.stack import LocalStack
from tests.api.alert_stage import EVERYTHING, Guest, Stage, stage
from tests.api.delivery_fixtures import rows

LATE = replace(EVERYTHING, plan="late", signal_delay=timedelta(minutes=15))
SIGNAL = {"kind": "signal"}


@pytest.fixture(scope="module")
def here(stack: LocalStack) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patched, stage(stack, patched) as running:
        yield running


def _everywhere(here: Stage, person: Guest, chat: int) -> list[dict[str, str]]:
    here.chat_of(person, chat)
    here.browser_of(person, f"of-{chat}")
    webhook = here.webhook_of(person)
    return [
        {"type": "email"},
        {"type": "telegram"},
        {"type": "push"},
        {"type": "webhook", "webhook_id": webhook},
    ]


def _told(here: Stage, person: Guest, chat: int, alert: str) -> list[str]:
    """Channels on which something arrived."""
    found = ["email" for one in here.mails.mails if one["To"] == person.email]
    found += ["telegram" for one in here.bot.messages if one["chat_id"] == chat and "signal" in one["text"]]
    found += ["push" for one in here.push.messages if one["alert_id"] == alert]
    found += ["webhook" for one in here.hook.received if alert.encode() in one.body]
    return sorted(found)


ALL = ["email", "push", "telegram", "webhook"]


def test_a_delayed_signal_is_told_at_its_instant_and_not_a_second_before(here: Stage) -> None:
    anna, bert = here.person(LATE), here.person()
    alerts = [here.rule(one, SIGNAL, _everywhere(here, one, chat)) for one, chat in ((anna, 1), (bert, 2))]
    here.clock.move(minutes=1)
    known_at = here.clock.now
    here.publish(1, known_at)
    # Who may have it at once gets it: the worker has seen it.
    here.until(lambda: _told(here, bert, 2, alerts[1]) == ALL)
    here.looked()
    assert _told(here, anna, 1, alerts[0]) == []
    assert here.history(anna, alerts[0]) == []
    shown = here.client.get(f"/v1/alerts/{alerts[0]}", headers=anna.headers).text
    assert known_at.isoformat()[:19] not in shown

    here.clock.now = known_at + timedelta(minutes=15, seconds=-1)
    # Something of another that is due by now goes through every channel after it.
    here.post(bert, f"/v1/alerts/{alerts[1]}/test", 202)
    here.until(lambda: len(_told(here, bert, 2, alerts[1])) >= 7)
    here.looked()
    assert _told(here, anna, 1, alerts[0]) == []
    assert here.history(anna, alerts[0]) == []

    here.clock.now = known_at + timedelta(minutes=15)
    here.until(lambda: _told(here, anna, 1, alerts[0]) == ALL)
    assert len(here.history(anna, alerts[0])) == 1


def test_a_downgrade_between_the_match_and_the_sending_counts(here: Stage) -> None:
    anna, bert = here.person(), here.person()
    here.chat_of(anna, 11)
    here.chat_of(bert, 12)
    # Held back by quiet hours, so that the plan can change in between.
    quiet = {"start": f"{here.clock.now:%H:%M}", "end": f"{here.clock.now + timedelta(minutes=3):%H:%M}"}
    channels = [{"type": "telegram"}]
    alerts = [here.rule(one, SIGNAL, channels, quiet_hours=quiet) for one in (anna, bert)]
    here.clock.move(seconds=20)
    known_at = here.clock.now
    here.publish(2, known_at)
    here.until(lambda: all(here.history(one, alert) for one, alert in zip((anna, bert), alerts, strict=True)))
    assert {here.history(anna, alerts[0])[0]["state"]} == {"held"}
    here.rights[anna.user_id] = LATE
    here.rights[bert.user_id] = replace(EVERYTHING, markets=("binance:ETHUSDT",))

    here.clock.move(minutes=4)
    here.until(lambda: here.states(bert, alerts[1]) == {"telegram": "failed"})
    (firing,) = here.history(bert, alerts[1])
    assert firing["channels"][0]["detail"] == "the plan does not include binance:BTCUSDT 15m"
    here.looked()
    assert _told(here, anna, 11, alerts[0]) == _told(here, bert, 12, alerts[1]) == []
    assert here.history(anna, alerts[0]) == []
    waiting = rows(
        here.settings,
        "SELECT next_at FROM serving.outbox WHERE topic = 'telegram' AND state = 'pending' AND payload->'alert'->>'alert_id' = :id",
        id=alerts[0],
    )
    assert [row["next_at"] for row in waiting] == [known_at + timedelta(minutes=15)]
    here.clock.now = known_at + timedelta(minutes=15)
    here.until(lambda: _told(here, anna, 11, alerts[0]) == ["telegram"])


def test_what_is_no_longer_wanted_is_not_sent(here: Stage) -> None:
    people = [here.person(LATE) for _ in range(4)]
    for number, one in enumerate(people):
        here.chat_of(one, 20 + number)
    deleted, switched_off, changed, wanted = (here.rule(one, SIGNAL, [{"type": "telegram"}]) for one in people)
    here.clock.move(minutes=1)
    here.publish(3, here.clock.now)
    here.looked()
    here.until(lambda: len(rows(here.settings, "SELECT 1 FROM serving.alert_firings WHERE alert_id = :id", id=wanted)))
    assert here.client.delete(f"/v1/alerts/{deleted}", headers=people[0].headers).status_code == 204
    off = here.client.patch(f"/v1/alerts/{switched_off}", json={"enabled": False}, headers=people[1].headers)
    to_mail = {"channels": [{"type": "email"}]}
    other = here.client.patch(f"/v1/alerts/{changed}", json=to_mail, headers=people[2].headers)
    assert (off.status_code, other.status_code) == (200, 200)
    here.clock.move(minutes=15)
    here.until(lambda: _told(here, people[3], 23, wanted) == ["telegram"])
    here.looked()
    ids = (deleted, switched_off, changed)
    assert [_told(here, people[number], 20 + number, one) for number, one in enumerate(ids)] == [[], [], []]
    assert here.history(people[1], switched_off)[0]["channels"][0]["detail"] == "the rule was switched off"
    assert here.history(people[2], changed)[0]["channels"][0]["detail"] == "the rule no longer uses this channel"


def test_a_plan_that_holds_fewer_rules_tells_of_the_oldest(here: Stage) -> None:
    anna = here.person()
    here.chat_of(anna, 31)
    first = here.rule(anna, SIGNAL, [{"type": "telegram"}])
    here.clock.move(seconds=5)
    second = here.rule(anna, SIGNAL, [{"type": "telegram"}])
    here.rights[anna.user_id] = replace(EVERYTHING, alerts=1)
    listed = here.client.get("/v1/alerts", headers=anna.headers).json()["items"]
    assert [(one["alert_id"], one["within_plan"]) for one in listed] == [(first, True), (second, False)]
    here.clock.move(minutes=1)
    here.publish(4, here.clock.now)
    here.until(lambda: here.states(anna, first) == {"telegram": "sent"})
    assert here.history(anna, second) == []


def test_a_signal_that_was_taken_down_meanwhile_is_not_told(here: Stage) -> None:
    anna = here.person(LATE)
    here.chat_of(anna, 41)
    alert = here.rule(anna, SIGNAL, [{"type": "telegram"}])
    here.clock.move(minutes=1)
    signal = here.publish(5, here.clock.now)
    here.looked()
    rows(
        here.settings,
        "INSERT INTO serving.signal_events (sequence, kind, signal_id, reason, known_at) "
        "SELECT max(sequence) + 1, 'takedown', CAST(:id AS uuid), 'bad data', max(known_at) FROM serving.signal_events",
        id=signal,
    )
    here.clock.move(minutes=15)
    here.until(lambda: here.states(anna, alert) == {"telegram": "failed"})
    assert here.history(anna, alert)[0]["channels"][0]["detail"] == "the signal was taken down"
    assert _told(here, anna, 41, alert) == []
